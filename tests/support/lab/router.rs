//! The router: the real `miniupnpd` with its nftables rules, and an independent client to look at
//! its table.

use std::fmt;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::client::Client;
use super::rules::RuleWatch;
use super::{LabConfig, Namespace, SecureMode};
use crate::support::wait::{ensure, eventually};

pub(super) const WAN_INTERFACE: &str = "wan0";
pub(super) const LAN_INTERFACE: &str = "lan0";
const HTTP_PORT: u16 = 5000;

/// How the daemon wants its table: it fills the three chains, the rest stays as it is.
const RULES: &str = "\
table inet filter {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname \"lan0\" accept
    jump miniupnpd
  }
  chain prerouting {
    type nat hook prerouting priority -100;
    jump prerouting_miniupnpd
  }
  chain postrouting {
    type nat hook postrouting priority 100;
    jump postrouting_miniupnpd
    oifname \"wan0\" masquerade
  }
}
";
const CHAINS: [&str; 3] = ["miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd"];

/// The LAN address 192.168.77.`number`.
pub(super) const fn lan_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77, number)
}

/// One line of the router's table, as `upnpc -l` prints it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) external_port: u16,
    pub(crate) protocol: String,
    pub(crate) client: Ipv4Addr,
    pub(crate) internal_port: u16,
    pub(crate) description: String,
    /// What is left of it.
    pub(crate) lease_seconds: u32,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            external_port,
            protocol,
            client,
            internal_port,
            description,
            lease_seconds,
        } = self;
        write!(
            f,
            "{protocol} {external_port} -> {client}:{internal_port} '{description}' \
             {lease_seconds} s"
        )
    }
}

/// Reads the router's table with `upnpc`, from the neighbour's host.
#[derive(Clone, Debug)]
pub(crate) struct TableReader {
    neighbour: Namespace,
    description_url: String,
}

impl TableReader {
    /// The whole table, as the router lists it; or what `upnpc` said.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, String> {
        let listed = self
            .neighbour
            .output("upnpc", &["-u", &self.description_url, "-l"]);
        let text = String::from_utf8_lossy(&listed.stdout);
        if !text.contains("exPort->inAddr:inPort") {
            let said = String::from_utf8_lossy(&listed.stderr);
            return Err(format!("upnpc -l: {said} {text}"));
        }
        Ok(text.lines().filter_map(listed_entry).collect())
    }

    /// The entry of one external TCP port.
    pub(crate) fn entry(&self, external_port: u16) -> Result<Option<Entry>, String> {
        let entries = self.entries()?;
        Ok(entries
            .into_iter()
            .find(|entry| entry.external_port == external_port && entry.protocol == "TCP"))
    }
}

/// ` 0 TCP  8080->192.168.77.11:8080  'Porthole Front door' '' 58`
fn listed_entry(line: &str) -> Option<Entry> {
    let (head, rest) = line.split_once('\'')?;
    let (description, rest) = rest.rsplit_once("' '")?;
    let (_remote_host, lease) = rest.split_once('\'')?;
    let mut head = head.split_whitespace();
    let _index = head.next()?.parse::<u32>().ok()?;
    let protocol = head.next()?.to_owned();
    let (external, internal) = head.next()?.split_once("->")?;
    let (client, internal_port) = internal.split_once(':')?;
    Some(Entry {
        external_port: external.parse().ok()?,
        protocol,
        client: client.parse().ok()?,
        internal_port: internal_port.parse().ok()?,
        description: description.to_owned(),
        lease_seconds: lease.trim().parse().ok()?,
    })
}

/// The router. Its rules outlive its daemon, as they do on real ones.
pub(crate) struct Router {
    namespace: Namespace,
    neighbour: Namespace,
    dir: PathBuf,
    config: LabConfig,
    http_port: u16,
    daemon: Option<Child>,
}

impl Router {
    /// The networks and rules of a router whose daemon does not run yet.
    pub(super) fn new(
        namespace: Namespace,
        neighbour: &Namespace,
        lab: &Path,
        config: LabConfig,
    ) -> Self {
        let dir = lab.join("router");
        fs::create_dir_all(&dir).expect("a folder for the router");
        for (interface, address) in [
            (WAN_INTERFACE, config.wan.router()),
            (LAN_INTERFACE, lan_address(1)),
        ] {
            namespace.ip(&format!("addr add {address}/24 dev {interface}"));
            namespace.ip(&format!("link set {interface} up"));
        }
        namespace.run(|| {
            fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("forwarding switched on");
        });
        let rules = dir.join("rules.nft");
        fs::write(&rules, RULES).expect("the router's rules");
        namespace.tool("nft", &["-f", &rules.display().to_string()]);
        File::create(dir.join("leases")).expect("the router's lease file");
        Self {
            namespace,
            neighbour: neighbour.clone(),
            dir,
            config,
            http_port: HTTP_PORT,
            daemon: None,
        }
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start(&mut self) {
        assert!(self.daemon.is_none(), "the router runs already");
        let config = self.dir.join("miniupnpd.conf");
        fs::write(&config, self.configuration()).expect("the router's configuration");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))
            .expect("the router's log");
        let errors = log.try_clone().expect("the router's log, twice");
        let mut command = Command::new("miniupnpd");
        command
            .arg("-d")
            // Its own file of process ids: the default one lets only one daemon run on the whole
            // machine.
            .arg("-P")
            .arg(self.dir.join("pid"))
            .arg("-f")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let daemon = self.namespace.run(|| command.spawn());
        self.daemon = Some(daemon.expect("miniupnpd starts"));
        let client = Client::new(self.neighbour.clone());
        eventually("the router answers", Duration::from_secs(10), || {
            let answer = client.get(&self.description_url())?;
            ensure(answer.status == 200, answer.status)
        });
    }

    fn configuration(&self) -> String {
        let secure = match self.config.secure_mode {
            SecureMode::On => "yes",
            SecureMode::Off => "no",
        };
        let leases = self.dir.join("leases");
        format!(
            "ext_ifname={WAN_INTERFACE}\n\
             listening_ip={LAN_INTERFACE}\n\
             http_port={}\n\
             secure_mode={secure}\n\
             lease_file={}\n\
             uuid=fc4ec57e-b051-11db-88f8-0060085db3f6\n\
             upnp_table_name=filter\n\
             upnp_nat_table_name=filter\n\
             upnp_forward_chain=miniupnpd\n\
             upnp_nat_chain=prerouting_miniupnpd\n\
             upnp_nat_postrouting_chain=postrouting_miniupnpd\n\
             allow 1024-65535 192.168.77.0/24 1-65535\n\
             deny 0-65535 0.0.0.0/0 0-65535\n",
            self.http_port,
            leases.display()
        )
    }

    /// Ends the daemon at once. The rules stay.
    pub(crate) fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().expect("miniupnpd can be killed");
            daemon.wait().expect("miniupnpd has ended");
        }
    }

    /// As when its power is cut and comes back: every mapping is lost.
    pub(crate) fn reboot(&mut self) {
        self.stop();
        self.forget();
        self.start();
    }

    /// Loses every mapping: rules and leases. Only for a daemon that does not run.
    pub(crate) fn forget(&mut self) {
        assert!(self.daemon.is_none(), "the daemon would not notice");
        for chain in CHAINS {
            self.namespace
                .tool("nft", &["flush", "chain", "inet", "filter", chain]);
        }
        File::create(self.dir.join("leases")).expect("the router's lease file");
    }

    /// Restarts the daemon on another HTTP port, as after an update: what clients know of it is
    /// refused.
    pub(crate) fn move_to_port(&mut self, http_port: u16) {
        self.stop();
        self.http_port = http_port;
        self.start();
    }

    /// The address on the Internet side.
    pub(crate) fn wan_address(&self) -> Ipv4Addr {
        self.config.wan.router()
    }

    /// A reader of the table as it is served now; stale after [`Router::move_to_port`].
    pub(crate) fn table(&self) -> TableReader {
        TableReader {
            neighbour: self.neighbour.clone(),
            description_url: self.description_url(),
        }
    }

    /// Keeps no connection that nobody answered for longer than this. Where one visitor makes
    /// dozens a second, its next connection would often have the port of such a one, and be led
    /// to the dead host that that one was for.
    pub(super) fn drop_unanswered_after(&self, seconds: u32) {
        let setting = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_syn_sent";
        self.namespace.run(|| {
            fs::write(setting, seconds.to_string()).expect("a shorter memory of the router");
        });
    }

    /// Keeps a record of the mappings that come and go from now on.
    pub(crate) fn watch_rules(&self) -> RuleWatch {
        RuleWatch::start(&self.namespace)
    }

    /// The whole table, sorted by port.
    #[track_caller]
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.table().entries().expect("the router's table");
        entries.sort();
        entries
    }

    /// Asks for a mapping with `upnpc -a`, from `host` for `client`; gives what the router answered
    /// if it refused.
    pub(crate) fn add(
        &self,
        host: &Namespace,
        client: Ipv4Addr,
        external_port: u16,
        lease: Duration,
    ) -> Result<(), String> {
        self.add_described(host, client, external_port, lease, "Games console")
    }

    /// The same with a description.
    pub(crate) fn add_described(
        &self,
        host: &Namespace,
        client: Ipv4Addr,
        external_port: u16,
        lease: Duration,
        description: &str,
    ) -> Result<(), String> {
        let port = external_port.to_string();
        let (client, lease) = (client.to_string(), lease.as_secs().to_string());
        self.ask(
            host,
            &[
                "-e",
                description,
                "-a",
                &client,
                "9000",
                &port,
                "tcp",
                &lease,
            ],
            "is redirected to",
        )
    }

    /// Asks for the end of a mapping with `upnpc -d`, from `host`.
    pub(crate) fn delete(&self, host: &Namespace, external_port: u16) -> Result<(), String> {
        let port = external_port.to_string();
        self.ask(
            host,
            &["-d", &port, "tcp"],
            "UPNP_DeletePortMapping() returned : 0",
        )
    }

    fn ask(&self, host: &Namespace, what: &[&str], success: &str) -> Result<(), String> {
        let url = self.description_url();
        let asked = host.output("upnpc", &[&["-u", &url], what].concat());
        let text = String::from_utf8_lossy(&asked.stdout);
        if text.contains(success) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&asked.stderr);
        let last = text.lines().last().unwrap_or_default();
        Err(format!("{last} {said}").trim().to_owned())
    }

    fn description_url(&self) -> String {
        format!("http://{}:{}/rootDesc.xml", lan_address(1), self.http_port)
    }

    /// Ends the daemon; where a test has failed, shows the end of its log. Never panics.
    pub(super) fn finish(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            super::camera::show_log("the router", &self.dir.join("log"), 40);
        }
    }
}

#[test]
fn a_line_of_the_independent_listing_is_read() {
    let line = " 0 TCP  8080->192.168.77.11:8081  'Porthole Anna's door' '' 58";
    let entry = listed_entry(line).expect("an entry");
    assert_eq!(
        entry.to_string(),
        "TCP 8080 -> 192.168.77.11:8081 'Porthole Anna's door' 58 s"
    );
    for other in [
        " i protocol exPort->inAddr:inPort description remoteHost leaseTime",
        "GetGenericPortMappingEntry() returned 713 (SpecifiedArrayIndexInvalid)",
        "",
    ] {
        assert_eq!(listed_entry(other), None, "{other:?}");
    }
}
