# SPDX-License-Identifier: Apache-2.0
# Ruby's Net::HTTP, one connection. usage: ruby keepalive.rb PORT   prints what was answered
require 'net/http'
require 'stringio'

Net::HTTP.start('127.0.0.1', ARGV[0].to_i) do |http|
  5.times do
    puts http.get('/get?size=2000').body[0, 80]
    puts http.post('/post', 'hello').body
    puts http.head('/head').code
    request = Net::HTTP::Put.new('/chunks', 'Transfer-Encoding' => 'chunked')
    request.body_stream = StringIO.new('x' * 100_000)
    puts http.request(request).body
  end
end
