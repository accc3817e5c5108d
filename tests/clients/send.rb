# Sends what test_clients.py expects with Debian's ruby-statsd: ruby send.rb PORT ROUNDS
require 'statsd'

port, rounds = ARGV.map(&:to_i)
client = Statsd.new('127.0.0.1', port)
client.namespace = 'ruby'
(1..rounds).each do |round|
  client.increment('inc')
  client.count('cnt', round)
  client.decrement('dec')
  client.timing('time', round * 3)
  client.gauge('gauge', round + 0.5)
  client.set('set', "user-#{round % 7}")
  client.increment('half', 0.5)
  client.batch do |batch|
    batch.increment('batched')
    batch.timing('hist', round)
  end
end
