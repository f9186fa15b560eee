//! Asks every server in this network namespace, each in its own thread, until it has answered in its own protocol.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::bench::{PATIENCE, milliseconds};

/// A server, and what shows that it serves.
pub(super) struct Server {
    pub(super) name: &'static str,
    port: u16,
    /// Sent first.
    request: &'static [u8],
    /// In what comes back.
    answer: &'static [u8],
}

const fn server(name: &'static str, port: u16, request: &'static [u8], answer: &'static [u8]) -> Server {
    Server { name, port, request, answer }
}

const PAGE: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

pub(super) static SERVERS: [Server; 20] = [
    server("ssh", 22, b"", b"SSH-2.0"),
    server("nginx", 80, PAGE, b" 200 "),
    // PostgreSQL's protocol, 55.2.11: the request for TLS is answered with one letter, by a server that is through its recovery or not;
    // the start-up message behind it only by one that is.
    server("postgresql", 5432, b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0", b"R\0\0\0"),
    server("mariadb", 3306, b"", b"MariaDB"),
    server("redis", 6379, b"PING\r\n", b"+PONG"),
    server("memcached", 11211, b"version\r\n", b"VERSION"),
    server("postfix", 25, b"", b"220 "),
    server("dovecot", 143, b"", b"* OK"),
    // RFC 1035: localhost. A IN, over TCP.
    server("bind9", 53, b"\0\x1b\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x09localhost\0\0\x01\0\x01", b"\x7f\0\0\x01"),
    server("squid", 3128, PAGE, b"squid"),
    server("varnish", 6081, PAGE, b"Varnish"),
    server("vsftpd", 21, b"", b"220 "),
    // MQTT 3.1.1: CONNECT with a clean session and no name, CONNACK.
    server("mosquitto", 1883, b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0", b"\x20\x02\0\0"),
    server("node-exporter", 9100, b"GET /metrics HTTP/1.0\r\n\r\n", b"node_"),
    server("tor", 9050, b"\x05\x01\0", b"\x05\0"),
    server("munin", 4949, b"", b"# munin node"),
    server("zabbix-agent", 10050, b"ZBXD\x01\x0a\0\0\0\0\0\0\0agent.ping", b"ZBXD"),
    server("cups", 631, PAGE, b"CUPS"),
    server("spamd", 783, b"PING SPAMC/1.2\r\n\r\n", b"PONG"),
    server("beanstalkd", 11300, b"stats\r\n", b"OK "),
];

/// Prints each one's name and how many milliseconds after `since`, nanoseconds of the epoch, it answered.
pub(super) fn run(since: u64) -> Result<ExitCode> {
    let since = UNIX_EPOCH + Duration::from_nanos(since);
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> = SERVERS.iter().map(|server| scope.spawn(move || server.told(since))).collect();
        threads.into_iter().all(|thread| thread.join().unwrap_or(false))
    });
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Server {
    fn told(&self, since: SystemTime) -> bool {
        let begun = Instant::now();
        while !self.answers() {
            if begun.elapsed() > PATIENCE {
                eprintln!("{}: no answer after {PATIENCE:?}", self.name);
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        println!("{} {}", self.name, milliseconds(since.elapsed().unwrap_or_default()));
        true
    }

    fn answers(&self) -> bool {
        let asked = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(self.request)?;
            let (mut said, mut piece) = (Vec::<u8>::new(), [0; 4096]);
            loop {
                let count = stream.read(&mut piece)?;
                said.extend(piece.get(..count).unwrap_or_default());
                if said.windows(self.answer.len()).any(|part| part == self.answer) {
                    return Ok(true);
                }
                if count == 0 {
                    return Ok(false);
                }
            }
        };
        asked().unwrap_or(false)
    }
}
