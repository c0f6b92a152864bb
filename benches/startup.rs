//! From the start of the process to its first page (goal: under 100 ms), its memory at rest and its
//! size.
//!
//! Router and LAN are switched off: this measures the program, and needs neither root nor a
//! network.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

const PROGRAM: &str = env!("CARGO_BIN_EXE_porthole");
const PATIENCE: Duration = Duration::from_secs(10);

/// A running program, ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes settings for a camera on a free port of loopback and gives that port.
fn settings(folder: &Path) -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = probe.local_addr().expect("its number").port();
    let data = folder.join("data");
    fs::create_dir_all(&data).expect("a folder for its data");
    let text = format!(
        "[node]\nname = \"bench\"\ndata_dir = '{}'\n\
         [http]\nbind = \"127.0.0.1\"\nport = {port}\n\
         [router]\nenabled = false\n\
         [lan]\nenabled = false\nmdns = false\n\
         [auth]\npublic_view = true\n\
         [camera]\nsource = \"test\"\n",
        data.display()
    );
    fs::write(folder.join("porthole.toml"), text).expect("its settings");
    port
}

fn start(folder: &Path) -> Running {
    let child = Command::new(PROGRAM)
        .arg("run")
        .arg("--config")
        .arg(folder.join("porthole.toml"))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.expect("porthole starts"))
}

/// Asks for the page until it comes.
fn first_page(port: u16) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .into();
    let url = format!("http://127.0.0.1:{port}/");
    let start = Instant::now();
    loop {
        match agent.get(&url).call() {
            Ok(mut answer) => {
                answer.body_mut().read_to_vec().expect("the whole page");
                return;
            }
            Err(error) => assert!(start.elapsed() < PATIENCE, "no page at {url}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Resident memory of a process in KiB (`VmRSS` of `/proc/<pid>/status`).
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|rest| rest.split_whitespace().next());
    size.and_then(|kib| kib.parse().ok()).expect("VmRSS in KiB")
}

fn startup(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = settings(folder.path());
    {
        let running = start(folder.path());
        first_page(port);
        let size = fs::metadata(PROGRAM).expect("the program").len();
        println!(
            "resident after the first page: {} KiB; program, not stripped: {} KiB",
            resident(running.0.id()),
            size / 1024
        );
    }
    let mut group = criterion.benchmark_group("startup");
    group.sample_size(10);
    group.bench_function("process start to first page", |bench| {
        bench.iter_custom(|rounds| {
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                let begin = Instant::now();
                let running = start(folder.path());
                first_page(port);
                total += begin.elapsed();
                drop(running);
            }
            total
        });
    });
    group.finish();
}

criterion_group!(benches, startup);
criterion_main!(benches);
