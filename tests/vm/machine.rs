//! A virtual machine (QEMU) that runs one program beside the kernel's `vivid` camera. Built and
//! started by the scripts in this folder, which `scripts/vm` uses too.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Booting takes about 5 s on an idle machine. Everything here waits for a condition; this only
/// bounds it.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the scripts exit with when something cannot be had on this machine.
const UNAVAILABLE: i32 = 69;

/// What init says when it takes commands.
const READY: &str = "ready";

/// Why the machine cannot be had here.
#[derive(Debug)]
pub(crate) struct Skipped(String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A running machine. Dropping it kills QEMU.
pub(crate) struct Machine {
    qemu: Child,
    control: ChildStdin,
    answers: Receiver<String>,
    port: u16,
    dir: TempDir,
}

impl Machine {
    /// Boots a machine that runs `program` with `arguments`.
    pub(crate) fn boot(program: &Path, arguments: &[&str]) -> Result<Self, Skipped> {
        if Command::new("qemu-system-x86_64")
            .arg("--version")
            .output()
            .is_err()
        {
            return Err(Skipped(
                "no qemu-system-x86_64 here (package qemu-system-x86)".into(),
            ));
        }
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let kernel = tmp.parent().unwrap_or(tmp).join("vm");
        run(script("kernel").arg(&kernel))?;
        let dir = TempDir::new_in(tmp).expect("a folder for the machine");
        let initramfs = dir.path().join("initramfs");
        let mut build = script("build-initramfs");
        run(build
            .args([&kernel, &initramfs])
            .arg(program)
            .args(arguments))?;
        // QEMU cannot be told to choose a port, and another program may take the one we found.
        for _ in 0..5 {
            let port = free_port();
            if let Some((qemu, control, answers)) = start(&kernel, &initramfs, port, dir.path()) {
                return Ok(Self {
                    qemu,
                    control,
                    answers,
                    port,
                    dir,
                });
            }
        }
        panic!("five free ports were taken before QEMU had them");
    }

    /// The address of `path` on the machine's port 8080, from outside.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Gives init a command (see `tests/vm/init`) and returns its answer.
    pub(crate) fn tell(&mut self, command: &str) -> String {
        writeln!(self.control, "{command}").expect("QEMU reads its standard input");
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(error) => panic!("init does not answer to {command}: {error}"),
        }
    }

    /// What the kernel and the program wrote so far.
    pub(crate) fn console(&self) -> String {
        console(self.dir.path())
    }

    /// Stops the program with SIGTERM and returns its exit status, with what is on the console.
    pub(crate) fn stop(&mut self) -> (i32, String) {
        let answer = self.tell("stop");
        assert_eq!(answer, "ok", "there is a program to stop");
        self.status()
    }

    /// Waits for the program's end and returns its exit status, with what is on the console.
    pub(crate) fn status(&mut self) -> (i32, String) {
        loop {
            match self.answers.recv_timeout(PATIENCE) {
                Ok(_) => {}
                // QEMU closed its side: it is ending.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the machine does not stop"),
            }
        }
        let code = self.qemu.wait().ok().and_then(|status| status.code());
        // isa-debug-exit makes 2N + 1 of N.
        let code = code.filter(|code| code % 2 == 1).map(|code| code / 2);
        (code.expect("the machine ended by itself"), self.console())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        if thread::panicking() {
            eprintln!("--- the machine's console ---\n{}", self.console());
        }
    }
}

type Started = (Child, ChildStdin, Receiver<String>);

/// Starts QEMU and waits for init; nothing when the port was taken.
fn start(kernel: &Path, initramfs: &Path, port: u16, dir: &Path) -> Option<Started> {
    let mut qemu = script("boot")
        .args([kernel, initramfs])
        .arg(port.to_string())
        .arg(dir.join("console"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tests/vm/boot runs");
    let control = qemu.stdin.take().expect("piped");
    let output = BufReader::new(qemu.stdout.take().expect("piped"));
    let (sender, answers) = mpsc::channel();
    // Ends with QEMU's output.
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if sender.send(line.trim_end().to_owned()).is_err() {
                break;
            }
        }
    });
    match answers.recv_timeout(PATIENCE) {
        Ok(line) if line == READY => return Some((qemu, control, answers)),
        Ok(line) => panic!("init said {line:?}\n{}", console(dir)),
        Err(_) => {}
    }
    let _ = qemu.kill();
    let output = qemu.wait_with_output().expect("QEMU's output");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("Could not set up host forwarding"),
        "the machine did not boot: {errors}\n{}",
        console(dir)
    );
    None
}

fn console(dir: &Path) -> String {
    let bytes = fs::read(dir.join("console")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn script(name: &str) -> Command {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "vm"].iter().collect();
    Command::new(folder.join(name))
}

fn run(command: &mut Command) -> Result<(), Skipped> {
    let Output { status, stderr, .. } = command.output().expect("a script of tests/vm runs");
    let errors = String::from_utf8_lossy(&stderr).trim().to_owned();
    if status.code() == Some(UNAVAILABLE) {
        return Err(Skipped(errors));
    }
    assert!(status.success(), "{command:?}: {status}\n{errors}");
    Ok(())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of the loopback");
    listener.local_addr().expect("its address").port()
}
