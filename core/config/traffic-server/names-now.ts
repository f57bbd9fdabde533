/**
 * The records of Traffic Server 9.2 to 10.2, without `proxy.config.`; `~` stands for `proxy.` where another word follows.
 */
export const NAMES_NOW = `
  accept_threads acl.subjects admin.api.restricted admin.autoconf.localhost_only admin.cli_path
  admin.reload.check_interval admin.reload.timeout admin.user_id aio.mode alarm.abs_path alarm.bin
  alarm.script_runtime allocator.dontdump_iobuffers allocator.hugepages allocator.iobuf_chunk_sizes
  allocator.thread_freelist_low_watermark allocator.thread_freelist_size bin_path
  body_factory.enable_customizations body_factory.enable_logging body_factory.response_max_size
  body_factory.response_suppression_mode body_factory.template_base body_factory.template_sets_dir
  cache.agg_write_backlog cache.alt_rewrite_max_size cache.control.filename cache.default_volumes
  cache.dir.sync_delay cache.dir.sync_frequency cache.dir.sync_max_write cache.dir.sync_parallel_tasks
  cache.enable_checksum cache.enable_read_while_writer cache.force_sector_size cache.hit_evacuate_percent
  cache.hit_evacuate_size_limit cache.hostdb.disable_reverse_lookup cache.hostdb.sync_frequency
  cache.hosting_filename cache.ip_allow.filename cache.ip_categories.filename cache.limits.http.max_alts
  cache.log.alternate.eviction cache.max_disk_errors cache.max_doc_size cache.min_average_object_size
  cache.mutex_retry_delay cache.permit.pinning cache.persist_bad_disks cache.ram_cache.algorithm
  cache.ram_cache.compress cache.ram_cache.compress_percent cache.ram_cache.s3fifo.ghost_mem_percent
  cache.ram_cache.s3fifo.ghost_size_percent cache.ram_cache.s3fifo.main_percent
  cache.ram_cache.s3fifo.promote_threshold cache.ram_cache.size cache.ram_cache.use_seen_filter
  cache.ram_cache_cutoff cache.read_while_writer.max_retries cache.read_while_writer_retry.delay
  cache.select_alternate cache.shm.enabled cache.shm.name_prefix cache.shm.purge_stale_on_start
  cache.shm.use_hugepages cache.target_fragment_size cache.threads_per_disk cache.volume_filename
  config_update_interval_ms core_limit crash_log_helper diags.action.enabled diags.action.tags
  diags.debug.client_ip diags.debug.enabled diags.debug.tags diags.debug.throttling_interval_msec
  diags.logfile.filename diags.logfile.rolling_enabled diags.logfile.rolling_interval_sec
  diags.logfile.rolling_min_count diags.logfile.rolling_size_mb diags.logfile_perm diags.output.alert
  diags.output.debug diags.output.diag diags.output.emergency diags.output.error diags.output.fatal
  diags.output.note diags.output.status diags.output.warning diags.show_location dns.connection_mode
  dns.dedicated_thread dns.failover_number dns.failover_period dns.local_ipv4 dns.local_ipv6
  dns.lookup_timeout dns.max_dns_in_flight dns.max_tcp_continuous_failures dns.nameservers dns.resolv_conf
  dns.retries dns.round_robin_nameservers dns.search_default_domains dns.splitDNS.enabled
  dns.splitdns.filename dns.validate_query_name dump_mem_info_frequency env_prep error.logfile.filename
  exec_thread.affinity exec_thread.autoconfig exec_thread.autoconfig.enabled exec_thread.autoconfig.scale
  exec_thread.limit exec_thread.listen exec_thread.loop_time_update_probability
  exec_thread.watchdog.timeout_ms header.parse.no_host_url_redirect hostdb hostdb.enabled
  hostdb.fail.timeout hostdb.filename hostdb.host_file.interval hostdb.host_file.path
  hostdb.io.max_buffer_index hostdb.ip_resolve hostdb.lookup_timeout hostdb.max_count hostdb.max_size
  hostdb.migrate_on_demand hostdb.partitions hostdb.re_dns_on_reload hostdb.round_robin_max_count
  hostdb.serve_stale_for hostdb.storage_path hostdb.strict_round_robin hostdb.timed_round_robin
  hostdb.timeout hostdb.ttl_mode hostdb.verify_after http.accept_no_activity_timeout http.allow_half_open
  http.allow_multi_range http.anonymize_other_header_list http.anonymize_remove_client_ip
  http.anonymize_remove_cookie http.anonymize_remove_from http.anonymize_remove_referer
  http.anonymize_remove_user_agent http.attach_server_session_to_client http.auth_server_session_private
  http.background_fill_active_timeout http.background_fill_completed_threshold
  http.cache.cache_responses_to_cookies http.cache.cache_urls_that_look_dynamic http.cache.generation
  http.cache.guaranteed_max_lifetime http.cache.guaranteed_min_lifetime http.cache.heuristic_lm_factor
  http.cache.heuristic_max_lifetime http.cache.heuristic_min_lifetime http.cache.http
  http.cache.ignore_accept_charset_mismatch http.cache.ignore_accept_encoding_mismatch
  http.cache.ignore_accept_language_mismatch http.cache.ignore_accept_mismatch
  http.cache.ignore_authentication http.cache.ignore_client_cc_max_age http.cache.ignore_client_no_cache
  http.cache.ignore_query http.cache.ignore_server_no_cache http.cache.ims_on_client_no_cache
  http.cache.max_open_read_retries http.cache.max_open_write_retries http.cache.max_open_write_retry_timeout
  http.cache.max_stale_age http.cache.open_read_retry_time http.cache.open_write_fail_action
  http.cache.post_method http.cache.range.lookup http.cache.range.write http.cache.required_headers
  http.cache.targeted_cache_control_headers http.cache.try_compat_key_read http.cache.when_to_revalidate
  http.chunking.size http.chunking_enabled http.connect.dead.policy http.connect.down.policy
  http.connect_attempts_max_retries http.connect_attempts_max_retries_dead_server
  http.connect_attempts_max_retries_down_server http.connect_attempts_max_retries_suspect_server
  http.connect_attempts_retry_backoff_base http.connect_attempts_rr_retries http.connect_attempts_timeout
  http.connect_ports http.default_buffer_size http.default_buffer_water_mark http.disallow_post_100_continue
  http.doc_in_cache_skip_dns http.down_server.cache_time http.drop_chunked_trailers http.enable_http_info
  http.enable_http_stats http.enabled http.errors.log_error_pages http.flow_control.enabled
  http.flow_control.high_water http.flow_control.low_water http.forward.proxy_auth_to_parent
  http.forward_connect_method http.global_user_agent_header http.header_field_max_size http.host_sni_policy
  http.insert_age_in_response http.insert_client_ip http.insert_forwarded http.insert_request_via_str
  http.insert_response_via_str http.insert_squid_x_forwarded_for http.keep_alive_enabled_in
  http.keep_alive_enabled_out http.keep_alive_no_activity_timeout_in http.keep_alive_no_activity_timeout_out
  http.keep_alive_post_out http.keepalive_internal_vc http.max_post_size http.max_proxy_cycles
  http.negative_caching_enabled http.negative_caching_lifetime http.negative_caching_list
  http.negative_revalidating_enabled http.negative_revalidating_lifetime http.negative_revalidating_list
  http.no_dns_just_forward_to_parent http.no_origin_server_dns http.normalize_ae http.number_of_redirections
  http.parent_proxies http.parent_proxy.connect_attempts_timeout http.parent_proxy.consistent_hash_algorithm
  http.parent_proxy.disable_connect_tunneling http.parent_proxy.disable_parent_markdowns
  http.parent_proxy.enable_parent_timeout_markdowns http.parent_proxy.fail_threshold http.parent_proxy.file
  http.parent_proxy.mark_down_hostdb http.parent_proxy.per_parent_connect_attempts
  http.parent_proxy.retry_time http.parent_proxy.self_detect http.parent_proxy.total_connect_attempts
  http.per_client.connection.alert_delay http.per_client.connection.exempt_list
  http.per_server.connection.alert_delay http.per_server.connection.match http.per_server.connection.max
  http.per_server.connection.metric_enabled http.per_server.connection.metric_prefix
  http.per_server.connection.min http.per_server.connection.queue_delay
  http.per_server.connection.queue_size http.post.check.content_length.enabled
  http.post_connect_attempts_timeout http.post_copy_size http.proxy_protocol_allowlist
  http.proxy_protocol_out http.push_method_enabled http.redirect.actions http.redirect_host_no_port
  http.redirect_use_orig_cache_key http.referer_default_redirect http.referer_filter
  http.referer_format_redirect http.request_buffer_enabled http.request_header_max_size
  http.request_line_max_size http.request_via_str http.response_header_max_size http.response_server_enabled
  http.response_server_str http.response_via_str http.send_100_continue_response http.send_http11_requests
  http.server_max_connections http.server_ports http.server_session_sharing.match
  http.server_session_sharing.pool http.slow.log.threshold http.strict_chunk_parsing http.strict_uri_parsing
  http.transaction_active_timeout_in http.transaction_active_timeout_out
  http.transaction_no_activity_timeout_in http.transaction_no_activity_timeout_out
  http.uncacheable_requests_bypass_parent http.use_client_source_port http.use_client_target_addr
  http.wait_for_cache http.websocket.max_number_of_connections http2.accept_no_activity_timeout
  http2.active_timeout_in http2.connection.slow.log.threshold http2.default_buffer_water_mark
  http2.flow_control.policy_in http2.flow_control.policy_out http2.header_table_size
  http2.header_table_size_limit http2.incomplete_header_timeout_in http2.initial_window_size_in
  http2.initial_window_size_out http2.max_active_streams_in http2.max_active_streams_out
  http2.max_active_streams_policy_in http2.max_concurrent_streams_in http2.max_concurrent_streams_out
  http2.max_continuation_frames_per_minute http2.max_empty_frames_per_minute http2.max_frame_size
  http2.max_header_list_size http2.max_ping_frames_per_minute http2.max_priority_frames_per_minute
  http2.max_rst_stream_frames_per_minute http2.max_settings_frames_per_minute http2.max_settings_per_frame
  http2.max_settings_per_minute http2.min_avg_window_update http2.min_concurrent_streams_in
  http2.min_concurrent_streams_out http2.no_activity_timeout_in http2.no_activity_timeout_out
  http2.push_diary_size http2.stream.slow.log.threshold http2.stream_error_rate_threshold
  http2.stream_error_sampling_threshold http2.stream_priority_enabled http2.write_buffer_block_size
  http2.write_size_threshold http2.write_time_threshold http2.zombie_debug_timeout_in
  http3.header_table_size http3.max_field_section_size http3.max_header_list_size http3.max_settings
  http3.num_placeholders http3.qpack_blocked_streams http_ui_enabled incoming_ip_to_bind io_uring.attach_wq
  io_uring.entries io_uring.sq_poll_ms io_uring.wq_workers_bounded io_uring.wq_workers_unbounded
  jsonrpc.filename lm.pserver_timeout_msecs lm.pserver_timeout_secs local_state_dir log.ascii_buffer_size
  log.auto_delete_rolled_files log.config.filename log.file_stat_frequency log.hostname
  log.io.max_buffer_index log.log_buffer_size log.log_fast_buffer log.logfile_dir log.logfile_perm
  log.logging_enabled log.max_line_size log.max_secs_per_buffer log.max_space_mb_for_logs
  log.max_space_mb_headroom log.periodic_tasks_interval log.preproc_threads log.rolling_allow_empty
  log.rolling_enabled log.rolling_interval_sec log.rolling_max_count log.rolling_min_count
  log.rolling_offset_hr log.rolling_size_mb log.sampling_frequency log.space_used_frequency
  log.throttling_interval_msec manager_binary memory.malloc_stats_print_opts memory.max_usage mlock_enabled
  msg.io.max_buffer_index net.accept_period net.additional_accepts net.connections_throttle
  net.default_inactivity_timeout net.defer_accept net.event_period net.inactivity_check_frequency
  net.listen_backlog net.max_connections_in net.max_requests_in net.per_client.max_connections_in
  net.poll_timeout net.retry_delay net.sock_mss_in net.sock_notsent_lowat net.sock_option_flag_in
  net.sock_option_flag_out net.sock_option_tfo_queue_size_in net.sock_packet_mark_in
  net.sock_packet_mark_out net.sock_packet_tos_in net.sock_packet_tos_out net.sock_recv_buffer_size_in
  net.sock_recv_buffer_size_out net.sock_send_buffer_size_in net.sock_send_buffer_size_out
  net.tcp_congestion_control_in net.tcp_congestion_control_out net.throttle_delay outgoing_ip_to_bind
  output.logfile output.logfile.name output.logfile.rolling_enabled output.logfile.rolling_interval_sec
  output.logfile.rolling_min_count output.logfile.rolling_size_mb output.logfile_perm
  payload.io.max_buffer_index plugin.compiler_path plugin.dynamic_reload_mode plugin.load_elevated
  plugin.plugin_dir plugin.vc.default_buffer_index plugin.vc.default_buffer_water_mark
  process_manager.timeout product_company product_name product_vendor proxy_binary proxy_binary_opts
  proxy_name proxy_protocol.max_header_size quic.ack_delay_exponent_in quic.ack_delay_exponent_out
  quic.active_cid_limit_in quic.active_cid_limit_out quic.cc_algorithm quic.client.cm_exercise_enabled
  quic.client.quantum_readiness_test_enabled quic.client.session_file quic.client.supported_groups
  quic.client.vn_exercise_enabled quic.congestion_control.initial_window
  quic.congestion_control.loss_reduction_factor quic.congestion_control.max_datagram_size
  quic.congestion_control.minimum_window quic.congestion_control.persistent_congestion_threshold
  quic.connection_table.size quic.disable_active_migration quic.disable_http_0_9 quic.initial_max_data_in
  quic.initial_max_data_out quic.initial_max_stream_data_bidi_local_in
  quic.initial_max_stream_data_bidi_local_out quic.initial_max_stream_data_bidi_remote_in
  quic.initial_max_stream_data_bidi_remote_out quic.initial_max_stream_data_uni_in
  quic.initial_max_stream_data_uni_out quic.initial_max_streams_bidi_in quic.initial_max_streams_bidi_out
  quic.initial_max_streams_uni_in quic.initial_max_streams_uni_out quic.instance_id
  quic.loss_detection.granularity quic.loss_detection.initial_rtt quic.loss_detection.packet_threshold
  quic.loss_detection.time_threshold quic.max_ack_delay_in quic.max_ack_delay_out
  quic.max_recv_udp_payload_size_in quic.max_recv_udp_payload_size_out quic.max_send_udp_payload_size_in
  quic.max_send_udp_payload_size_out quic.no_activity_timeout_in quic.no_activity_timeout_out
  quic.num_alt_connection_ids quic.preferred_address_ipv4 quic.preferred_address_ipv6 quic.qlog.file_base
  quic.qlog_dir quic.server.quantum_readiness_test_enabled quic.server.stateless_retry_enabled
  quic.server.supported_groups quic.server.token_key.filename raw_stat_sync_interval_ms
  remote_sync_interval_ms res_track_memory restart.active_client_threshold restart.stop_listening
  reverse_proxy.enabled socks.accept_enabled socks.accept_port socks.connection_attempts
  socks.default_servers socks.http_port socks.per_server_connection_attempts socks.server_connect_timeout
  socks.server_fail_threshold socks.server_retry_time socks.server_retry_timeout socks.socks_config_file
  socks.socks_needed socks.socks_timeout socks.socks_version srv_enabled ssl.CA.cert.filename
  ssl.CA.cert.path ssl.TLSv1 ssl.TLSv1_1 ssl.TLSv1_2 ssl.TLSv1_3 ssl.TLSv1_3.enabled
  ssl.allow_client_renegotiation ssl.async.handshake.enabled ssl.cert.load_elevated
  ssl.client.CA.cert.filename ssl.client.CA.cert.path ssl.client.TLSv1 ssl.client.TLSv1_1 ssl.client.TLSv1_2
  ssl.client.TLSv1_3 ssl.client.TLSv1_3.cipher_suites ssl.client.TLSv1_3.enabled ssl.client.alpn_protocols
  ssl.client.cert.exit_on_load_fail ssl.client.cert.filename ssl.client.cert.path
  ssl.client.cert_compression.algorithms ssl.client.certification_level ssl.client.cipher_suite
  ssl.client.groups_list ssl.client.private_key.filename ssl.client.private_key.path
  ssl.client.scheme_proto_mismatch_policy ssl.client.sni_policy ssl.client.verify.server.policy
  ssl.client.verify.server.properties ssl.client.version.max ssl.client.version.min ssl.engine.conf_file
  ssl.handshake_timeout_in ssl.hsts_include_subdomains ssl.hsts_max_age ssl.keylog_file ssl.ktls.enabled
  ssl.max_record_size ssl.misc.io.max_buffer_index ssl.ocsp.cache_timeout ssl.ocsp.enabled
  ssl.ocsp.request_mode ssl.ocsp.request_timeout ssl.ocsp.response.path ssl.ocsp.update_period
  ssl.origin_session_cache ssl.origin_session_cache.enabled ssl.origin_session_cache.size
  ssl.server.TLSv1_3.cipher_suites ssl.server.allow_early_data_params ssl.server.cert.path
  ssl.server.cert_chain.filename ssl.server.cert_compression.algorithms ssl.server.cipher_suite
  ssl.server.dhparams_file ssl.server.groups_list ssl.server.honor_cipher_order ssl.server.max_early_data
  ssl.server.multicert.concurrency ssl.server.multicert.exit_on_load_fail ssl.server.multicert.filename
  ssl.server.prioritize_chacha ssl.server.private_key.path ssl.server.session_ticket.enable
  ssl.server.session_ticket.number ssl.server.ticket_key.filename ssl.server.version.max
  ssl.server.version.min ssl.servername.filename ssl.session_cache ssl.session_cache.auto_clear
  ssl.session_cache.enabled ssl.session_cache.mode ssl.session_cache.num_buckets ssl.session_cache.size
  ssl.session_cache.skip_cache_on_bucket_contention ssl.session_cache.timeout ssl.session_cache.value
  stat_api.max_stats_allowed syslog_facility system.file_max_pct system_clock
  task_threads thread.default.stackguard_pages thread.default.stacksize thread.max_heartbeat_mseconds
  track_config_files tunnel.activity_check_period tunnel.prewarm tunnel.prewarm.algorithm
  tunnel.prewarm.enabled tunnel.prewarm.event_period tunnel.prewarm.max_stats_size udp.enable_gro
  udp.enable_gso udp.free_cancelled_pkts_sec udp.periodic_cleanup udp.poll_timeout udp.send_retries
  udp.threads url_remap.acl_behavior_policy url_remap.filename url_remap.min_rules_required
  url_remap.pristine_host_hdr url_remap.remap_required url_remap.strategies.filename wccp.addr wccp.services
  websocket.active_timeout websocket.no_activity_timeout ~local.http.parent_proxy.disable_connect_tunneling
  ~local.incoming_ip_to_bind ~local.outgoing_ip_to_bind ~node.config.manager_exponential_sleep_ceiling
  ~node.config.manager_log_filename ~node.config.manager_retry_cap ~node.hostname ~node.hostname_FQ
  ~node.restarts.manager.start_time ~node.restarts.proxy.cache_ready_time ~node.restarts.proxy.restart_count
  ~node.restarts.proxy.start_time ~node.restarts.proxy.stop_time ~node.version.manager.build_date
  ~node.version.manager.build_machine ~node.version.manager.build_number ~node.version.manager.build_person
  ~node.version.manager.build_time ~node.version.manager.long ~node.version.manager.short
`
