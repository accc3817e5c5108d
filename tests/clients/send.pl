# Sends what test_clients.py expects with Debian's libnet-statsd-perl: perl send.pl PORT ROUNDS
use strict;
use warnings;
use Net::Statsd;

($Net::Statsd::HOST, $Net::Statsd::PORT) = ('127.0.0.1', $ARGV[0]);
for my $round (1 .. $ARGV[1]) {
    Net::Statsd::increment('perl.inc');
    Net::Statsd::update_stats('perl.cnt', $round);
    Net::Statsd::decrement('perl.dec');
    Net::Statsd::timing('perl.time', $round * 3);
    Net::Statsd::gauge('perl.gauge' => $round + 0.5);
    Net::Statsd::increment('perl.half', 0.5);
    Net::Statsd::increment(['perl.several1', 'perl.several2']);
}
