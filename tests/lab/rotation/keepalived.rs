//! The yardstick: Debian's keepalived (VRRP) in the same namespaces, with one advertisement each
//! heartbeat.
//!
//! Three hosts share one virtual address, to which the router forwards 8080 for good. The rest is
//! the same: the same kill, at any moment, and the same visitors outside, who see when somebody
//! else answers.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::any_phase;
use super::samples::{Samples, runs};
use crate::support::lab::{Host, Lab, LabConfig, PATIENCE, SecureMode, installed};
use crate::support::wait::{ensure, eventually};

const VIRTUAL: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 100);
/// Where the lab's router forwards what others than cameras map.
const SERVED: u16 = 9000;
const FIRST_HOST: u8 = 31;
const HOSTS: u8 = 3;

/// One host with keepalived and a small web server.
struct Rival {
    host: Host,
    folder: PathBuf,
    process: Option<Child>,
}

impl Rival {
    fn new(lab: &Lab, folder: PathBuf, number: u8) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let host = lab.host(FIRST_HOST + number);
        // The highest priorities there are: they give the shortest skew.
        let priority = 254 - number;
        let configuration = format!(
            "global_defs {{\n  router_id rival{number}\n}}\n\
             vrrp_instance porthole {{\n  state BACKUP\n  nopreempt\n  interface eth0\n\
             \x20 virtual_router_id 80\n  priority {priority}\n  advert_int 1\n\
             \x20 virtual_ipaddress {{\n    {VIRTUAL}/24\n  }}\n}}\n"
        );
        fs::write(folder.join("keepalived.conf"), configuration).unwrap();
        serve(&host);
        Self {
            host,
            folder,
            process: None,
        }
    }

    /// Starts keepalived and waits until it stands by or, as the first of all, is the master.
    fn start(&mut self, role: &str) {
        let log = File::create(self.log()).unwrap();
        let errors = log.try_clone().unwrap();
        let file = |name| self.folder.join(name);
        let mut command = Command::new("keepalived");
        command
            .args(["--dont-fork", "--log-console", "--log-detail", "--vrrp"])
            .arg("--use-file")
            .arg(file("keepalived.conf"))
            .arg("--pid")
            .arg(file("keepalived.pid"))
            .arg("--vrrp_pid")
            .arg(file("vrrp.pid"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let process = self.host.namespace.run(|| command.spawn());
        self.process = Some(process.expect("keepalived starts"));
        let awaited = format!("Entering {role} STATE");
        eventually(&awaited, PATIENCE, || {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            ensure(log.contains(&awaited), log)
        });
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Ends both of its processes as a power cut would. A dead host has no address either.
    fn kill(&mut self) {
        let mut parent = self.process.take().expect("it runs");
        let file = self.folder.join("vrrp.pid");
        let child = fs::read_to_string(&file).unwrap();
        // The parent would start another child, and the child says farewell when its parent dies.
        let parent_pid = parent.id().to_string();
        for words in [["-STOP", &parent_pid], ["-KILL", child.trim()]] {
            let sent = Command::new("kill").args(words).status();
            assert!(sent.unwrap().success(), "kill {words:?}");
        }
        parent.kill().unwrap();
        parent.wait().unwrap();
        // Where nobody reaps the child, its successor would believe that it runs.
        fs::remove_file(file).unwrap();
        self.host.namespace.output(
            "ip",
            &["addr", "del", &format!("{VIRTUAL}/24"), "dev", "eth0"],
        );
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // The lab ends what it leaves behind.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Answers everybody on this host, like a representative's status, for as long as the test runs.
fn serve(host: &Host) {
    let listener = host
        .namespace
        .run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, SERVED)))
        .expect("the port is free");
    let body = format!(
        r#"{{"id":"{}","role":"representative","term":0}}"#,
        host.address
    );
    thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            let _ = answer(visitor, &body);
        }
    });
}

fn answer(mut visitor: TcpStream, body: &str) -> std::io::Result<()> {
    visitor.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut lines = BufReader::new(visitor.try_clone()?).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    write!(
        visitor,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn keepalived_for_comparison() {
    if !installed("keepalived") {
        println!(
            "skipped: keepalived_for_comparison: needs keepalived (Debian package keepalived)"
        );
        return;
    }
    let Some(lab) = Lab::open(LabConfig {
        secure_mode: SecureMode::Off,
        ..LabConfig::default()
    }) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut rivals: Vec<_> = (0..HOSTS)
        .map(|number| Rival::new(&lab, folder.path().join(number.to_string()), number))
        .collect();
    rivals[0].start("MASTER");
    for rival in &mut rivals[1..] {
        rival.start("BACKUP");
    }
    let mapped = lab.router.add(
        &rivals[0].host.namespace,
        VIRTUAL,
        8080,
        Duration::from_hours(1),
    );
    mapped.expect("this router lets anybody map");
    let port_watch = lab.watch_port(8080);

    let mut times = Samples::new("keepalived");
    let mut start = Instant::now();
    for _ in 0..runs() {
        let master = port_watch
            .await_answer("the master answers", start, PATIENCE, |_| true)
            .id;
        let of_master = |rival: &Rival| rival.host.address.to_string() == master;
        let number = rivals.iter().position(of_master).expect("one of the hosts");
        any_phase();
        let struck = Instant::now();
        rivals[number].kill();
        let first = port_watch.await_answer("another answers", struck, PATIENCE, |answer| {
            answer.id != master
        });
        times.take(first.at - struck);
        rivals[number].start("BACKUP");
        start = Instant::now();
    }
}
