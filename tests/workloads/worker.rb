# SPDX-License-Identifier: Apache-2.0
# Threaded HTTP service: WEBrick where it is installed (one thread per connection), else, or with SERVER=pool, a small pool
# of threads that take connections from a queue. Net::HTTP downstream. See README.md for its settings.
require 'json'
require 'net/http'
require 'securerandom'
require 'socket'
require 'uri'

NAME = ENV.fetch('NAME', 'ruby')
HOST = ENV.fetch('HOST', '127.0.0.1')
PORT = Integer(ENV.fetch('PORT', '0'))
DOWNSTREAM = ENV.fetch('DOWNSTREAM', '').split(',').map { |u| URI(u) }
DELAY = Float(ENV.fetch('DELAY_MS', '0')) / 1000
PAD = 'x' * Integer(ENV.fetch('PAD_BYTES', '0'))
KEEPALIVE = ENV['KEEPALIVE'] == '1'
SEND_TRACEPARENT = ENV['SEND_TRACEPARENT'] == '1'
THREADS = Integer(ENV.fetch('THREADS', '16'))
$served = 0
$served_lock = Mutex.new

def connection(uri)
  http = Net::HTTP.new(uri.host, uri.port)
  http.max_retries = 0
  http.read_timeout = 60
  http
end

def call(uri, path, request_id)
  kept = Thread.current[:connections] ||= {}
  http = KEEPALIVE ? (kept[uri] ||= connection(uri).start) : connection(uri)
  headers = request_id ? { 'x-request-id' => request_id } : {}
  sent = headers['traceparent'] = "00-#{SecureRandom.hex(16)}-#{SecureRandom.hex(8)}-01" if SEND_TRACEPARENT
  response = http.get(path, headers)
  raise "#{uri}: status #{response.code}" unless response.code == '200'

  result = JSON.parse(response.body)
  result['sent'] = sent if sent
  result
end

# [status, value] for a request; traceparents is the list of such headers as received.
def handle(path, traceparents, request_id)
  return [200, { ok: true }] if path == '/health'
  return [200, { served: $served }] if path == '/stats'

  $served_lock.synchronize { $served += 1 }
  sleep DELAY if DELAY.positive?
  value = { service: NAME, traceparent: traceparents[0], traceparents: traceparents.size, request: request_id,
            downstream: DOWNSTREAM.map { |uri| call(uri, path, request_id) } }
  value[:pad] = PAD unless PAD.empty?
  [200, value]
rescue StandardError => e
  [502, { service: NAME, error: "#{e.class}: #{e.message}" }]
end

def serve_webrick
  # BindAddress and an explicit listener, so that port 0 works and the real port can be printed.
  server = WEBrick::HTTPServer.new(BindAddress: HOST, Port: PORT, DoNotListen: true, MaxClients: 1024,
                                   Logger: WEBrick::Log.new(File::NULL), AccessLog: [])
  listener = TCPServer.new(HOST, PORT)
  listener.listen(1024)
  server.listeners << listener
  server.mount_proc('/') do |req, res|
    status, value = handle(req.unparsed_uri, req.header.fetch('traceparent', []), req['x-request-id'])
    res.status = status
    res['content-type'] = 'application/json'
    res.body = JSON.generate(value)
  end
  puts "listening #{listener.addr[1]}"
  $stdout.flush
  %w[INT TERM].each { |signal| trap(signal) { exit!(0) } }
  server.start
end

def serve_connection(socket)
  socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
  while (line = socket.gets)
    path = line.split(' ')[1]
    headers = Hash.new { |h, k| h[k] = [] }
    while (header = socket.gets) && header != "\r\n"
      key, value = header.split(':', 2)
      headers[key.downcase] << value.strip
    end
    socket.read(Integer(headers['content-length'][0] || '0'))
    status, value = handle(path, headers['traceparent'], headers['x-request-id'][0])
    body = JSON.generate(value)
    last = headers['connection'][0]&.downcase == 'close'
    socket.write("HTTP/1.1 #{status} #{status == 200 ? 'OK' : 'Bad Gateway'}\r\nContent-Type: application/json\r\n" \
                 "Content-Length: #{body.bytesize}\r\n#{"Connection: close\r\n" if last}\r\n#{body}")
    break if last
  end
rescue SystemCallError, IOError
  nil # the client went away
ensure
  socket.close
end

def serve_pool
  listener = TCPServer.new(HOST, PORT)
  listener.listen(1024)
  queue = Queue.new
  THREADS.times { Thread.new { loop { serve_connection(queue.pop) } } }
  puts "listening #{listener.addr[1]}"
  $stdout.flush
  %w[INT TERM].each { |signal| trap(signal) { exit!(0) } }
  loop { queue << listener.accept }
end

begin
  require 'webrick' unless ENV['SERVER'] == 'pool'
rescue LoadError
  nil
end
defined?(WEBrick) ? serve_webrick : serve_pool
