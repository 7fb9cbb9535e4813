#!/usr/bin/ruby
# frozen_string_literal: true

# row_by_row.rb URL SOCKET SHAPE ROWS: what a Rails application's task does: find_each, and one
# command after the other. Prints the seconds of the loop alone, without what Rails needs to start.
#
# It holds no checkpoint and no ledger: cut short, it starts over.
require 'active_record'
require 'redis'
require 'uri'

url, socket, shape, rows = ARGV

# A socket's directory in the URL is more than ActiveRecord's own parser understands.
where = URI.decode_www_form(URI(url).query).to_h
ActiveRecord::Base.establish_connection(adapter: 'postgresql', username: where['user'],
                                        database: URI(url).path.delete_prefix('/'),
                                        host: where['host'])

class Flag < ActiveRecord::Base
  self.primary_key = 'name'
end

class User < ActiveRecord::Base
end

redis = Redis.new(path: socket)
copy = {
  'set' => [Flag, ->(flag) { redis.set("flag:#{flag.name}", flag.enabled.to_s) }],
  'publish' => [Flag, lambda { |flag|
    redis.set("flag:#{flag.name}", flag.enabled.to_s)
    redis.publish('flags', %({"name":"#{flag.name}","enabled":#{flag.enabled}}))
  }],
  'hset' => [User, lambda { |user|
    created_at = user.created_at.utc.iso8601
    redis.hset("user:#{user.id}", user.attributes.merge('created_at' => created_at))
  }]
}
model, put = copy.fetch(shape)

begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
model.limit(Integer(rows)).find_each(&put)
puts Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun
