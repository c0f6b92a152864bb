//! The demo's cameras: processes of this very program.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::{Child, Command};

use super::args::Args;
use super::folder::DemoFolder;
use super::net::{LoopbackNet, WAN, check_free};
use super::output::print_line;
use porthole_sim_router::SimRouter;

/// How long the cameras may take to give their ports back.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(4);

/// The cameras, running or unplugged.
pub(super) struct DemoFleet {
    cameras: Vec<DemoCamera>,
    representative_port: u16,
    // Behind the cameras: they end before it goes.
    _folder: DemoFolder,
}

/// The secrets that its cameras have in common, drawn anew for each demo.
pub(super) struct Secrets {
    site_key: String,
    /// The admin's password.
    pub(super) password: String,
}

impl Secrets {
    /// New random ones.
    ///
    /// # Errors
    /// When the kernel has no randomness to give.
    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        Ok(Self {
            site_key: format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?),
            password: format!("demo-{:08x}", getrandom::u32()?),
        })
    }
}

struct DemoCamera {
    address: Ipv4Addr,
    config: PathBuf,
    process: Option<Child>,
}

impl DemoFleet {
    /// Starts all of them at once; the first that the router answers is the representative.
    pub(super) fn start(
        args: &Args,
        net: &LoopbackNet,
        ssdp: SocketAddrV4,
        control: &str,
        secrets: &Secrets,
    ) -> anyhow::Result<Self> {
        let folder = DemoFolder::make()?;
        let mut cameras = Vec::new();
        for number in 1..=args.cameras {
            let address = SocketAddrV4::new(net.camera(number), args.port);
            check_free(address)?;
            let data = folder.subfolder(&number.to_string())?;
            let config = data.join("porthole.toml");
            std::fs::write(
                &config,
                settings(address, net, ssdp, control, secrets, &data),
            )
            .with_context(|| format!("writing {}", config.display()))?;
            let mut camera = DemoCamera {
                address: *address.ip(),
                config,
                process: None,
            };
            camera.start()?;
            cameras.push(camera);
        }
        Ok(Self {
            cameras,
            representative_port: args.port,
            _folder: folder,
        })
    }

    /// Ends the representative as a power cut would: no goodbye.
    pub(super) fn pull_the_plug(&mut self, router: &SimRouter) -> anyhow::Result<()> {
        let holder = router
            .table()
            .into_iter()
            .find(|entry| entry.mapping.external_port.get() == self.representative_port)
            .map(|entry| *entry.mapping.target().ip());
        let running =
            |camera: &&mut DemoCamera| Some(camera.address) == holder && camera.process.is_some();
        match self.cameras.iter_mut().find(running) {
            Some(camera) => {
                if let Some(mut process) = camera.process.take() {
                    process.start_kill()?;
                    // Reaped by the runtime once it has ended.
                    actix::spawn(async move { process.wait().await });
                }
                print_line(&format!(
                    "  plug pulled on the representative at {}",
                    camera.address
                ))
            }
            None => print_line("  nobody is representative at this moment; try again in a second"),
        }
    }

    /// Says which cameras have ended by themselves, which none should, and why.
    pub(super) fn report_losses(&mut self) -> anyhow::Result<()> {
        for camera in &mut self.cameras {
            let ended = match &mut camera.process {
                Some(process) => process.try_wait()?,
                None => None,
            };
            let Some(status) = ended else { continue };
            camera.process = None;
            let log = std::fs::read_to_string(camera.log()).unwrap_or_default();
            print_line(&format!(
                "  the camera at {} has ended by itself ({status}); the last line of its log: {}",
                camera.address,
                log.lines().last().unwrap_or_default()
            ))?;
        }
        Ok(())
    }

    /// Plugs in every camera that has no power.
    pub(super) fn plug_in(&mut self) -> anyhow::Result<()> {
        for camera in self
            .cameras
            .iter_mut()
            .filter(|camera| camera.process.is_none())
        {
            camera.start()?;
            print_line(&format!(
                "  the camera at {} is plugged in again",
                camera.address
            ))?;
        }
        Ok(())
    }

    /// Ends all cameras in order; their folder goes with them.
    pub(super) async fn end(mut self) {
        let mut processes: Vec<Child> = self
            .cameras
            .iter_mut()
            .filter_map(|camera| camera.process.take())
            .collect();
        for process in &processes {
            if let Some(pid) = process.id().and_then(|pid| i32::try_from(pid).ok())
                && let Some(pid) = rustix::process::Pid::from_raw(pid)
            {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
        for process in &mut processes {
            if tokio::time::timeout(SHUTDOWN_WAIT, process.wait())
                .await
                .is_err()
            {
                let _ = process.kill().await;
            }
        }
    }
}

impl DemoCamera {
    fn log(&self) -> PathBuf {
        self.config.with_file_name("log")
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("finding this program's own file")?;
        let log = self.log();
        let log =
            std::fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let process = Command::new(program)
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("starting a camera")?;
        self.process = Some(process);
        Ok(())
    }
}

fn settings(
    address: SocketAddrV4,
    net: &LoopbackNet,
    ssdp: SocketAddrV4,
    control: &str,
    secrets: &Secrets,
    data: &Path,
) -> String {
    let (ip, port) = (address.ip(), address.port());
    let (first, last) = (port + 1, port + 100);
    let group = net.group();
    let data = data.display();
    let Secrets { site_key, password } = secrets;
    format!(
        r#"[node]
data_dir = "{data}"
[http]
bind = "{ip}"
port = {port}
[router]
representative_port = {port}
port_range = "{first}-{last}"
representative_lease = "4s"
lease = "30s"
poll_interval = "1s"
external_host = "{WAN}"
ssdp_address = "{ssdp}"
[lan]
mdns = false
group = "{group}"
heartbeat = "1s"
[camera]
source = "test"
width = 960
height = 540
fps = 15
[site]
key = "{site_key}"
[auth]
public_view = true
admin_password = "{password}"
[debug]
demo_control = "{control}"
"#
    )
}
