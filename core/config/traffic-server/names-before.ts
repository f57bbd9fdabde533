/** The records that Traffic Server 3.0 to 8.1 knew and 9.2 no longer knows, written as in names-now.ts. */
export const NAMES_BEFORE = `
  admin.admin_user admin.autoconf.doc_root admin.autoconf.pac_filename admin.autoconf.wpad_filename
  admin.autoconf_port admin.number_config_bak admin.synthetic_port alarm_email allocator.debug_filter
  allocator.enable_reclaim allocator.max_overage allocator.reclaim_factor bandwidth_mgmt.filename
  cache.aio_sleep_time cache.check_disk_idle cache.http.compatibility.4-2-0-fixup
  cache.interim.migrate_threshold cache.interim.storage cache.max_agg_delay cache.storage_filename
  cache.url_hash_method cache.vary_on_user_agent cli_binary cluster.cluster_configuration
  cluster.cluster_load_clear_duration cluster.cluster_load_exceed_duration cluster.cluster_port
  cluster.delta_thresh cluster.enable_monitor cluster.ethernet_interface cluster.load_compute_interval_msecs
  cluster.load_monitor_enabled cluster.log_bogus_mc_msgs cluster.mc_group_addr cluster.mc_poll_timeout
  cluster.mc_send_interval cluster.mc_ttl cluster.mcport cluster.monitor_interval_secs
  cluster.msecs_per_ping_response_bucket cluster.num_of_cluster_connections cluster.peer_timeout
  cluster.periodic_timer_interval_msecs cluster.ping_history_buf_length cluster.ping_latency_threshold_msecs
  cluster.ping_response_buckets cluster.ping_send_interval_msecs cluster.receive_buffer_size
  cluster.rpc_cache_cluster cluster.rsport cluster.send_buffer_size cluster.sock_option_flag
  cluster.sock_packet_mark cluster.sock_packet_tos cluster.startup_timeout cluster.threads config_dir
  cop.active_health_checks cop.core_signal cop.init_sleep_time cop.linux_min_memfree_kb
  cop.linux_min_swapfree_kb cop_name disable_configuration_modification dns.connection.mode
  dns.url_expansions history_info_enabled hostdb.cluster hostdb.cluster.round_robin hostdb.size
  hostdb.storage_size http.accept_encoding_filter.filename http.accept_encoding_filter_enabled
  http.anonymize_insert_client_ip http.append_xforwards_header http.avoid_content_spoofing
  http.cache.allow_empty_doc http.cache.cluster_cache_local http.cache.enable_default_vary_headers
  http.cache.fuzz.min_time http.cache.fuzz.probability http.cache.fuzz.time http.cache.vary_default_images
  http.cache.vary_default_other http.cache.vary_default_text
  http.cache.when_to_add_no_cache_to_msie_requests http.congestion_control.default.client_wait_interval
  http.congestion_control.default.congestion_scheme http.congestion_control.default.dead_os_conn_retries
  http.congestion_control.default.dead_os_conn_timeout http.congestion_control.default.error_page
  http.congestion_control.default.fail_window http.congestion_control.default.live_os_conn_retries
  http.congestion_control.default.live_os_conn_timeout http.congestion_control.default.max_connection
  http.congestion_control.default.max_connection_failures
  http.congestion_control.default.proxy_retry_interval http.congestion_control.default.wait_interval_alpha
  http.congestion_control.enabled http.congestion_control.filename http.congestion_control.localtime
  http.down_server.abort_threshold http.enable_url_expandomatic http.log_spider_codes http.normalize_ae_gzip
  http.origin_max_connections http.origin_max_connections_queue http.origin_min_keep_alive_connections
  http.origin_server_pipeline http.parent_proxy_routing_enable http.parse.allow_non_http
  http.proxy_protocol_whitelist http.quick_filter.mask http.record_heartbeat http.record_tcp_mem_hit
  http.redirection_enabled http.safe_requests_retryable http.send_408_post_timeout_response
  http.server_other_ports http.server_port http.server_port_attr http.server_tcp_init_cwnd
  http.session_auth_cache_keep_alive_enabled http.share_server_sessions http.user_agent_pipeline
  http.verbose_via_str http.wuts_enabled http2.enabled icp.default_reply_port icp.enabled
  icp.icp_configuration icp.icp_interface icp.icp_port icp.lookup_local icp.multicast_enabled
  icp.query_timeout icp.reply_to_unknown_peer icp.stale_icp_enabled io.max_buffer_size lm.sem_id
  log.collation_client_timeout log.collation_host log.collation_host_tagged log.collation_host_timeout
  log.collation_max_send_buffers log.collation_port log.collation_preproc_threads log.collation_retry_sec
  log.collation_secret log.common_log_enabled log.common_log_header log.common_log_is_ascii
  log.common_log_name log.custom_logs_enabled log.extended2_log_enabled log.extended2_log_header
  log.extended2_log_is_ascii log.extended2_log_name log.extended_log_enabled log.extended_log_header
  log.extended_log_is_ascii log.extended_log_name log.hosts_config_file log.max_entries_per_buffer
  log.max_space_mb_for_orphan_logs log.overspill_report_count log.search_log_enabled log.search_log_filters
  log.search_rolling_interval_sec log.search_server_ip_addr log.search_server_port log.search_top_sites
  log.search_url_filter log.separate_host_logs log.separate_icp_logs log.squid_log_enabled
  log.squid_log_header log.squid_log_is_ascii log.squid_log_name log.xml_config_file
  log.xuid_logging_enabled manager_name net.accept_throttle net.enable_ink_disk_io net.ink_aio_write_threads
  net.ink_disk_io_watermark net.max_connections_active_in net.max_kqueue_len net.throttle_enabled
  net_snapshot_filename ping.npacks_to_trans ping.timeout_sec plugin.extensions_dir plugin.plugin_mgmt_dir
  prefetch.child_port prefetch.config_file prefetch.default_data_proto prefetch.default_url_proto
  prefetch.keepalive_timeout prefetch.max_object_size prefetch.max_recursion prefetch.prefetch_enabled
  prefetch.push_cached_objects prefetch.redirection prefetch.url_buffer_size prefetch.url_buffer_timeout
  process_manager.enable_mgmt_port process_manager.mgmt_port process_state_dump_mode remap.num_remap_threads
  remap.use_remap_processor server_name snapshot_dir spdy.accept_no_activity_timeout
  spdy.initial_window_size_in spdy.max_concurrent_streams_in spdy.no_activity_timeout_in ssl.SSLv2 ssl.SSLv3
  ssl.accelerator.type ssl.accelerator_required ssl.atalla.lib.path ssl.broadcom.lib.path ssl.client.SSLv2
  ssl.client.SSLv3 ssl.client.verify.server ssl.compression ssl.cswift.lib.path ssl.enabled
  ssl.ncipher.lib.path ssl.number.threads ssl.server.cert.filename ssl.server.private_key.filename
  ssl.server_port ssl.sni.map.enable ssl.wire_trace_addr ssl.wire_trace_enabled ssl.wire_trace_percentage
  ssl.wire_trace_server_name stack_dump_enabled start_script stats.config_file stats.enable_lua
  stats.snap_file stats.snap_frequency system.mmap_max temp_dir update.concurrent_updates update.enabled
  update.force update.max_update_state_machines update.memory_use_mb update.retry_count
  update.retry_interval update.update_configuration url_remap.default_to_server_pac
  url_remap.default_to_server_pac_port url_remap.handle_backdoor_urls url_remap.url_remap_mode user_name
  username.cache.enabled username.cache.filename username.cache.size username.cache.storage_path
  username.cache.storage_size vmap.addr_file vmap.down_up_timeout vmap.enabled watch_script
  ~local.cluster.type ~local.log.collation_mode
`
