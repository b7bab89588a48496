// SPDX-License-Identifier: Apache-2.0
//! Middle in Rust, standard library only. MODE=thread: a thread per connection; pool: threads that take connections from a channel.
//! The second of two parallel calls runs on a new thread.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{mpsc, Arc, Mutex};
use std::time::Duration;
use std::{env, thread};

type Failure = Box<dyn std::error::Error>;

thread_local! {
    static KEPT: std::cell::RefCell<HashMap<usize, BufReader<TcpStream>>> = std::cell::RefCell::new(HashMap::new());
}

struct Middle {
    leaves: Vec<String>,
    keepalive: bool,
}

/// Start line and fields of one message; empty at the end of the connection.
fn read_head(from: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 || line == "\r\n" {
            return Ok(lines);
        }
        lines.push(line.trim_end().to_string());
    }
}

fn field<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

impl Middle {
    fn call(&self, number: usize, wait: u64, id: &str) -> Result<String, Failure> {
        thread::sleep(Duration::from_millis(wait));
        let kept = KEPT.with(|all| all.borrow_mut().remove(&number));
        let mut connection = match kept {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(&self.leaves[number - 1])?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        let close = if self.keepalive {
            ""
        } else {
            "Connection: close\r\n"
        };
        let request =
            format!("GET /leaf?id={id}&call={number} HTTP/1.1\r\nHost: leaf\r\n{close}\r\n");
        connection.get_mut().write_all(request.as_bytes())?;
        let head = read_head(&mut connection)?;
        let mut body = vec![0; field(&head, "content-length").ok_or("no length")?.parse()?];
        connection.read_exact(&mut body)?;
        if self.keepalive {
            KEPT.with(|all| all.borrow_mut().insert(number, connection));
        }
        Ok(String::from_utf8(body)?)
    }

    fn answer(&self, target: &str) -> Result<String, Failure> {
        let query: HashMap<&str, &str> = target
            .split_once('?')
            .ok_or("no query")?
            .1
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let (id, order) = (query["id"], query["order"]);
        let waits: [u64; 2] = [query["t1"].parse()?, query["t2"].parse()?];
        let numbers: Vec<usize> = order
            .trim_start_matches('p')
            .bytes()
            .map(|digit| usize::from(digit - b'0'))
            .collect();
        let (one, two) = if order.starts_with('p') {
            thread::scope(|scope| {
                let other = scope.spawn(|| {
                    self.call(numbers[1], waits[1], id)
                        .map_err(|error| error.to_string())
                });
                (
                    self.call(numbers[0], waits[0], id),
                    other.join().unwrap().map_err(Failure::from),
                )
            })
        } else {
            (
                self.call(numbers[0], waits[0], id),
                self.call(numbers[1], waits[1], id),
            )
        };
        Ok(format!(
            "{{\"id\":\"{id}\",\"leaves\":[{},{}]}}",
            one?, two?
        ))
    }

    /// Serves a connection to its end.
    fn serve(&self, stream: TcpStream) -> Result<(), Failure> {
        stream.set_nodelay(true)?;
        let mut connection = BufReader::new(stream);
        loop {
            let head = read_head(&mut connection)?;
            let Some(start) = head.first() else {
                return Ok(());
            };
            let body = self.answer(start.split(' ').nth(1).ok_or("no target")?)?;
            let close =
                field(&head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let last = if close { "Connection: close\r\n" } else { "" };
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{last}\r\n{body}",
                body.len()
            );
            connection.get_mut().write_all(answer.as_bytes())?;
            if close {
                return Ok(());
            }
        }
    }
}

fn setting(name: &str, fallback: &str) -> String {
    env::var(name).unwrap_or_else(|_| fallback.to_string())
}

fn main() -> Result<(), Failure> {
    let leaves = env::var("LEAVES")?
        .split(',')
        .map(|url| url.trim_start_matches("http://").to_string())
        .collect();
    let middle = Arc::new(Middle {
        leaves,
        keepalive: setting("KEEPALIVE", "") == "1",
    });
    let listener = TcpListener::bind(("127.0.0.1", setting("PORT", "0").parse::<u16>()?))?;
    let (sender, receiver) = mpsc::channel::<TcpStream>();
    let receiver = Arc::new(Mutex::new(receiver));
    let pooled = setting("MODE", "thread") == "pool";
    for _ in 0..if pooled {
        setting("THREADS", "16").parse()?
    } else {
        0
    } {
        let (middle, receiver) = (middle.clone(), receiver.clone());
        thread::spawn(move || loop {
            let stream = receiver.lock().unwrap().recv().unwrap();
            if let Err(error) = middle.serve(stream) {
                eprintln!("{error}");
            }
        });
    }
    println!("listening {}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let (stream, middle) = (stream?, middle.clone());
        if pooled {
            sender.send(stream)?;
        } else {
            thread::spawn(move || {
                if let Err(error) = middle.serve(stream) {
                    eprintln!("{error}");
                }
            });
        }
    }
    Ok(())
}
