# Read by runtests.pl -L. What a proxy may change in a message is left out of both sides of each comparison, in the same
# way for what the server received and for what curl wrote; whatever is no message is compared as it is.
package main;
use strict;
use warnings;
no warnings 'redefine';

# Fields of one hop (RFC 9110 section 7.6.1), and those that a proxy adds: Via, and Proxy-Support of RFC 4559.
my $HOP = qr/^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|http2-settings|via|proxy-support):/i;
my $compare = \&main::compare;

# A proxy may put other chunks round the same bytes.
sub dechunked {
    my ($text) = @_;
    my $body = '';
    while($text =~ /\G([0-9a-f]{1,7})(?:;[^\n]*?)?(?:\[CR\]|\r)?(?:\[LF\])?\n/gci) {
        my $size = hex($1);
        return $body . substr($text, pos($text)) if $size == 0;
        $body .= substr($text, pos($text), $size);
        pos($text) = pos($text) + $size;
        $text =~ /\G(?:\[CR\]|\r)?(?:\[LF\])?\n/gc or return undef;
    }
    return undef;
}

# The end of a response to CONNECT is the beginning of the tunnel.
sub normal {
    my ($lines, $dates) = @_;
    my $text = join('', @$lines);
    $text =~ s/^\[DISCONNECT\](?:\r?\n)?//mg;
    my $out = '';
    # A request may stand behind a body that ends without a new line.
    my $methods = qr/GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH/;
    while($text =~ /(?:^(?=HTTP\/1\.[01] [0-9]{3}|[A-Za-z_-]+ \S+ HTTP\/1\.[01]\s*$)|(?=(?:$methods) \S+ HTTP\/1\.[01]\s*$))/m) {
        $out .= substr($text, 0, $-[0]);
        $text = substr($text, $-[0]);
        my $end = $text =~ /\r?\n\r?\n/ ? $+[0] : length($text);
        my $head = substr($text, 0, $end);
        $text = substr($text, $end);
        $head =~ s/[ \t\r]+$//mg;
        next if $head =~ /^HTTP\/1\.1 200 Connection established\n/;
        # The version is that of the hop.
        $head =~ s/^HTTP\/1\.[01]/HTTP\/1.1/;
        $head =~ s/ HTTP\/1\.0\n/ HTTP\/1.1\n/;
        my @fields = split(/\n/, $head);
        my $is_chunked = grep { /^transfer-encoding:[ \t]*chunked$/i } @fields;
        # Blanks around a value are no part of it.
        s/^([^\s:]+)[ \t]*:[ \t]*/$1: / for @fields;
        my @length = grep { /^content-length:/i } @fields;
        my @kept = grep { $_ !~ $HOP && $_ !~ /^content-length:/i } @fields;
        # A proxy adds a Date that is missing (RFC 9110 section 6.6.1).
        @kept = grep { $_ !~ /^date: (.*)/i || $$dates{$1} } @kept;
        $out .= join("\n", @kept, @length) . "\n\n";
        my $bare = $is_chunked ? dechunked($text) : undef;
        $text = $bare if defined $bare;
    }
    return [map { "$_\n" } split(/\n/, $out . $text)];
}

*main::compare = sub {
    my ($runnerid, $testnum, $testname, $subject, $first, $second) = @_;
    my %dates = map { /^date:[ \t]*(.*?)\s*$/i ? ($1, 1) : () } map { split /\n/ } @$second;
    return $compare->($runnerid, $testnum, $testname, $subject, normal($first, \%dates), normal($second, \%dates));
};
1;
