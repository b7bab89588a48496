# SPDX-License-Identifier: Apache-2.0
# Middle in Ruby. SERVER=webrick: a thread per connection; puma: a reactor and THREADS threads. Net::HTTP downstream; the second of
# two parallel calls runs on a new thread. See README.md.
require 'json'
require 'net/http'
require 'socket'
require 'uri'

LEAVES = ENV.fetch('LEAVES').split(',').map { |url| URI(url) }
KEEPALIVE = ENV['KEEPALIVE'] == '1'
THREADS = Integer(ENV.fetch('THREADS', '16'))

def connection(uri)
  http = Net::HTTP.new(uri.host, uri.port)
  http.max_retries = 0
  http
end

def call(number, wait, id)
  sleep wait / 1000.0
  uri = LEAVES[number - 1]
  # Not Thread.current[]: that belongs to the fiber.
  kept = Thread.current.thread_variable_get(:kept) || {}
  Thread.current.thread_variable_set(:kept, kept)
  http = KEEPALIVE ? (kept[number] ||= connection(uri).start) : connection(uri)
  JSON.parse(http.get("/leaf?id=#{id}&call=#{number}").body)
end

def answer(query)
  asked = URI.decode_www_form(query).to_h
  id, order = asked.values_at('id', 'order')
  waits = asked.values_at('t1', 't2').map(&:to_i)
  first, second = order[-2..].chars.map(&:to_i)
  if order.start_with?('p')
    other = Thread.new { call(second, waits[1], id) }
    leaves = [call(first, waits[0], id), other.value]
  else
    leaves = [call(first, waits[0], id), call(second, waits[1], id)]
  end
  JSON.generate(id: id, leaves: leaves)
end

def listen(port)
  listener = TCPServer.new('127.0.0.1', port)
  listener.listen(1024)
  listener
end

def say(port)
  puts "listening #{port}"
  $stdout.flush
end

def serve_webrick(port)
  require 'webrick'
  server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: port, DoNotListen: true, MaxClients: 1024,
                                   Logger: WEBrick::Log.new(File::NULL), AccessLog: [])
  server.listeners << (listener = listen(port))
  server.mount_proc('/') do |request, response|
    response['content-type'] = 'application/json'
    response.body = answer(request.query_string)
  end
  say(listener.addr[1])
  server.start
end

def serve_puma(port)
  require 'puma'
  require 'puma/server'
  app = ->(env) { [200, { 'content-type' => 'application/json' }, [answer(env['QUERY_STRING'])]] }
  options = { min_threads: THREADS, max_threads: THREADS }
  server = Puma::Server.new(app, Puma::Events.null, options)
  listener = server.add_tcp_listener('127.0.0.1', port, true, 1024)
  say(listener.addr[1])
  server.run.join
end

%w[INT TERM].each { |signal| trap(signal) { exit!(0) } }
port = Integer(ENV.fetch('PORT', '0'))
ENV['SERVER'] == 'puma' ? serve_puma(port) : serve_webrick(port)
