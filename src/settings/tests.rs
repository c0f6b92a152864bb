use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;

use super::check::{SHORTEST_PASSWORD, SHORTEST_SITE_KEY};
use super::*;
use porthole_camera::config::{CameraSource, DriveSource};
use porthole_election::{Detection, MissedLimit, Succession};

type Variables<'a> = &'a [(&'a str, &'a str)];

fn load(toml: &str, env: Variables<'_>) -> Result<Settings, SettingsErrors> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(toml.as_bytes()).unwrap();
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load(Some(file.path()), env)
}

/// The errors' texts, with the file's random name replaced.
fn errors(toml: &str, env: Variables<'_>) -> Vec<String> {
    let SettingsErrors(errors) = load(toml, env).unwrap_err();
    errors
        .iter()
        .map(|error| {
            let text = error.to_string();
            match text.split_once("from /") {
                Some((before, after)) => {
                    format!("{before}from FILE){}", after.split_once(')').unwrap().1)
                }
                None => text,
            }
        })
        .collect()
}

fn keys() -> Vec<String> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.push(format!("{section}.{key}"));
        }
    }
    keys
}

#[test]
fn the_built_in_defaults_are_those_of_the_contract() {
    let s = Settings::load(None, std::iter::empty()).unwrap();
    assert_eq!(s.node.name, "");
    assert_eq!(s.node.data_dir, Path::new("/var/lib/porthole"));
    assert_eq!(s.node.interface, None);
    assert_eq!(s.http.bind, Ipv4Addr::UNSPECIFIED);
    assert_eq!(s.http.port.get(), 8080);
    assert_eq!(s.http.static_dir, None);
    assert_eq!(s.http.tls, Tls::Off);
    assert!(s.http.hosts.is_empty());
    assert!(s.http.trusted_proxies.is_empty());
    assert!(s.router.enabled && s.router.read_table);
    assert_eq!(s.router.representative_port.get(), 8080);
    assert_eq!(s.router.port_range.to_string(), "8081-8180");
    assert_eq!(s.router.port_mode, PortMode::Separate);
    assert_eq!(s.router.representative_lease, Duration::from_secs(30));
    assert_eq!(s.router.lease, Duration::from_hours(1));
    assert_eq!(s.router.poll_interval, Duration::from_secs(10));
    assert_eq!(s.router.external_host, None);
    assert_eq!(s.router.ssdp_address.to_string(), "239.255.255.250:1900");
    assert!(s.lan.enabled && s.lan.mdns && s.lan.peers.is_empty());
    assert_eq!(s.lan.transport, Transport::Multicast);
    assert_eq!(s.lan.group.to_string(), "239.255.80.80:8079");
    assert_eq!(s.lan.heartbeat, Duration::from_secs(2));
    assert_eq!(s.election.detection.len(), 3);
    assert_eq!(s.election.succession, Succession::PortOrder);
    assert_eq!(s.election.missed_limit.get(), 2);
    assert!(s.site.key.is_none() && s.site.previous_key.is_none());
    assert!(s.auth.viewer_password.is_none() && s.auth.admin_password.is_none());
    assert!(!s.auth.public_view);
    assert_eq!(s.camera.source, CameraSource::Auto);
    assert_eq!((s.camera.width, s.camera.height), (1280, 720));
    assert_eq!((s.camera.fps, s.camera.quality), (30, 80));
    assert_eq!(s.camera.idle_close, Duration::from_secs(10));
    assert_eq!(s.drive.source, DriveSource::Auto);
    assert!(!s.debug.allow_crash);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[camera]\nfps = 15\nquality = 70\nsource = \"v4l:/dev/video2\"";
    let s = load(
        file,
        &[
            ("PORTHOLE__CAMERA__FPS", "5"),
            ("FPS", "7"),
            ("PORTHOLE_X", "7"),
        ],
    );
    let camera = s.unwrap().camera;
    assert_eq!((camera.fps, camera.quality, camera.width), (5, 70, 1280));
    assert_eq!(camera.source, CameraSource::V4l("/dev/video2".into()));
}

#[test]
fn lists_durations_numbers_and_flags_can_be_given_in_the_environment() {
    let s = load(
        "",
        &[
            ("PORTHOLE__ELECTION__DETECTION", "probe, withdrawal"),
            ("PORTHOLE__ELECTION__MISSED_LIMIT", "3"),
            ("PORTHOLE__LAN__PEERS", "192.168.1.20,192.168.1.21:9000"),
            ("PORTHOLE__ROUTER__LEASE", "2h"),
            ("PORTHOLE__DEBUG__ALLOW_CRASH", "true"),
        ],
    )
    .unwrap();
    assert_eq!(
        s.election.detection,
        [Detection::Withdrawal, Detection::Probe].into()
    );
    assert_eq!(s.election.missed_limit, MissedLimit::Three);
    let peers: Vec<_> = s.lan.peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["192.168.1.20:8079", "192.168.1.21:9000"]);
    assert_eq!(s.router.lease, Duration::from_hours(2));
    assert!(s.debug.allow_crash);
}

#[test]
fn a_bad_value_is_told_with_key_value_origin_and_what_is_allowed() {
    assert_eq!(
        errors("", &[("PORTHOLE__ROUTER__PORT_MODE", "both")]),
        [concat!(
            r#"router.port_mode = "both" (from PORTHOLE__ROUTER__PORT_MODE): "#,
            r#"must be one of "separate", "common""#
        )]
    );
    assert_eq!(
        errors("[camera]\nfps = 0", &[]),
        ["camera.fps = 0 (from FILE): must be a whole number, 1 to 240"]
    );
    assert_eq!(
        errors("[election]\ndetection = [\"probe\", \"guess\"]", &[]),
        [concat!(
            r#"election.detection = ["probe", "guess"] (from FILE): "#,
            r#"must be a list of one or more of "withdrawal", "heartbeat", "probe""#
        )]
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let file = "[http]\nport = 0\n[camera]\nwidth = 9000\nquality = \"best\"\n[node]\nnmae = \"x\"";
    let told = errors(file, &[("PORTHOLE__LAN__HEARTBEAT", "2")]).join("\n");
    for key in [
        "http.port",
        "camera.width",
        "camera.quality",
        "node.nmae",
        "lan.heartbeat",
    ] {
        assert!(told.contains(key), "{key} is missing in:\n{told}");
    }
    assert_eq!(told.lines().count(), 5, "{told}");
}

#[test]
fn a_misspelt_key_is_answered_with_the_nearest_one() {
    for (variable, hint) in [
        (
            "PORTHOLE__ROUTER__PORTMODE",
            "did you mean router.port_mode?",
        ),
        ("PORTHOLE__CAMERA__FSP", "did you mean camera.fps?"),
        ("PORTHOLE__ROUTER__HEARTBEAT", "did you mean lan.heartbeat?"),
        (
            "PORTHOLE__AUTH__COLOUR",
            "[auth] has admin_password, public_view, viewer_password",
        ),
        (
            "PORTHOLE__WEATHER",
            "the sections are auth, camera, debug, drive, election, http",
        ),
        ("PORTHOLE__CAMERA", "is a section, not a setting"),
        (
            "PORTHOLE__CAMERA__FPS__MAX",
            "[camera] has fps, height, idle_close",
        ),
    ] {
        let told = errors("", &[(variable, "hunter2")]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains(hint) && told[0].contains(variable),
            "{told:?}"
        );
        assert!(
            !told[0].contains("hunter2"),
            "it may be a password: {told:?}"
        );
    }
    assert_eq!(errors("[weather]", &[]).len(), 1);
    assert!(
        load("[camera]", &[]).is_ok(),
        "a section without keys is no error"
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (file, told) in [
        (
            "[router]\nrepresentative_port = 8100",
            "outside router.port_range, which is 8081-8180",
        ),
        ("[router]\nport_range = \"9000-8000\"", "the lower first"),
        ("[router]\nrepresentative_lease = \"3s\"", "from 4s"),
        ("[router]\nlease = \"8days\"", "to 7days"),
        ("[router]\nlease = \"4500ms\"", "whole number of seconds"),
        (
            "[lan]\ngroup = \"192.168.1.1:8079\"",
            "must be a multicast address",
        ),
        ("[lan]\nheartbeat = \"0s\"", "from 100ms"),
        (
            "[site]\nprevious_key = \"old\"",
            "empty while site.key is empty",
        ),
        ("[election]\ndetection = []", "one or more of"),
        ("[http]\nbind = \"::1\"", "an IPv4 address"),
        ("[camera]\nsource = \"v4l:video0\"", "a device such as"),
    ] {
        let all = errors(file, &[]);
        assert!(all.len() == 1 && all[0].contains(told), "{file}: {all:?}");
    }
    let unicast = "[lan]\ntransport = \"broadcast\"\ngroup = \"192.168.1.1:8079\"";
    assert!(
        load(unicast, &[]).is_ok(),
        "only the group's port counts there"
    );
}

#[test]
fn an_external_host_is_a_bare_host_name_or_address() {
    let long = format!("{}.example", "a".repeat(64));
    for bad in [
        "http://a.example",
        "a.example:80",
        "a..b",
        "-a.example",
        "a b",
        "1.2.3",
        &long,
    ] {
        let file = format!("[router]\nexternal_host = {bad:?}");
        assert_eq!(errors(&file, &[]).len(), 1, "{bad}");
    }
    for good in [
        "cam.example",
        "60.120.76.64",
        "localhost",
        "a-1.xn--bcher-kva.example",
    ] {
        let file = format!("[router]\nexternal_host = {good:?}");
        assert_eq!(
            load(&file, &[]).unwrap().router.external_host.as_deref(),
            Some(good)
        );
    }
}

#[test]
fn short_passwords_and_keys_are_refused_with_the_length_and_a_way_to_a_good_one() {
    for (key, least, advice) in [
        ("auth.viewer_password", SHORTEST_PASSWORD, "four words"),
        ("auth.admin_password", SHORTEST_PASSWORD, "four words"),
        ("site.key", SHORTEST_SITE_KEY, "openssl rand -hex 32"),
    ] {
        let variable = format!("PORTHOLE__{}", key.replace('.', "__").to_uppercase());
        let with = |length: usize| load("", &[(&*variable, &*"ß".repeat(length))]);
        assert!(with(0).is_ok() && with(least).is_ok(), "{key}");
        for short in [1, least - 1] {
            let told = with(short).unwrap_err().to_string();
            let expected = format!("must be empty, or {least} characters or more");
            assert!(told.contains(&expected), "{told}");
            assert!(told.starts_with(&format!("{key} = (hidden)")), "{told}");
            assert!(told.contains(advice) && !told.contains('ß'), "{told}");
        }
    }
    // A short key that is in use can be exchanged.
    let key = ("PORTHOLE__SITE__KEY", "0123456789abcdef");
    assert!(load("", &[key, ("PORTHOLE__SITE__PREVIOUS_KEY", "x")]).is_ok());
}

#[test]
fn secrets_are_in_no_error_and_in_no_debug_output() {
    let file =
        "[site]\nkey = \"hunter2hunter2hunter2\"\n[auth]\nadmin_password = \"hunter2-hunter2\"";
    let settings = load(file, &[]).unwrap();
    let key = settings.site.key.as_ref().unwrap();
    assert_eq!(key.expose(), "hunter2hunter2hunter2");
    assert!(!format!("{settings:?}").contains("hunter2"));
    let long = "hunter2".repeat(1000);
    let told = errors("", &[("PORTHOLE__AUTH__ADMIN_PASSWORD", &long)]);
    assert!(
        told[0].contains("auth.admin_password = (hidden)"),
        "{told:?}"
    );
    let told = errors("[auth]\nadmin_password = \"hunter2", &[]);
    assert!(
        told[0].contains("line 2") && !told[0].contains("hunter2"),
        "{told:?}"
    );
}

#[test]
fn an_unreadable_file_is_told_by_name_and_the_environment_is_checked_all_the_same() {
    let env = [("PORTHOLE__CAMERA__FPS".to_owned(), "fast".to_owned())];
    let errors = Settings::load(Some(Path::new("/no/such.toml")), env.into_iter()).unwrap_err();
    let told = errors.to_string();
    assert!(
        told.contains("settings file /no/such.toml: No such file"),
        "{told}"
    );
    assert!(told.contains("camera.fps"), "{told}");
    let huge = format!("# {}", "x".repeat(300 * 1024));
    assert!(
        load(&huge, &[])
            .unwrap_err()
            .to_string()
            .contains("larger than 256 KiB")
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(Settings::load(Some(folder.path()), std::iter::empty()).is_err());
}

#[test]
fn every_key_is_read_and_refuses_what_is_no_value_for_it() {
    for key in keys() {
        let (section, name) = key.split_once('.').unwrap();
        let told = errors(&format!("[{section}]\n{name} = 1.5"), &[]);
        assert!(
            told.len() == 1 && told[0].starts_with(&key),
            "{key}: {told:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_value_of_any_variable_brings_the_program_down(
        key in proptest::sample::select(keys()),
        value in "\\PC{0,40}|[0-9]{1,30}[a-z]{0,3}|[a-z,:. /-]{0,20}",
    ) {
        let variable = format!("PORTHOLE__{}", key.replace('.', "__").to_uppercase());
        if let Err(SettingsErrors(errors)) = Settings::load(None, [(variable, value)].into_iter()) {
            // A change of the range or the group can make another key wrong, never more than one.
            prop_assert_eq!(errors.len(), 1);
        }
    }

    #[test]
    fn no_file_brings_the_program_down(
        text in "\\PC{0,60}|(\\[[a-z]{1,6}\\]\n)?[a-z.\"]{1,9} = .{0,9}",
    ) {
        let _ = load(&text, &[]);
    }
}

#[test]
fn the_files_of_a_certificate_come_with_files_and_both_or_not_at_all() {
    let files = "[http]\ntls = \"files\"\ntls_certificate = \"/c.pem\"\ntls_key = \"/k.pem\"";
    assert_eq!(
        load(files, &[]).unwrap().http.tls,
        Tls::Files {
            certificate: "/c.pem".into(),
            key: "/k.pem".into(),
        }
    );
    assert_eq!(
        load("", &[("PORTHOLE__HTTP__TLS", "self-signed")])
            .unwrap()
            .http
            .tls,
        Tls::SelfSigned
    );
    for (wrong, key) in [
        ("tls = \"files\"", "http.tls_certificate"),
        (
            "tls = \"files\"\ntls_certificate = \"/c.pem\"",
            "http.tls_key",
        ),
        (
            "tls = \"files\"\ntls_key = \"/k.pem\"",
            "http.tls_certificate",
        ),
        ("tls_key = \"/k.pem\"", "http.tls "),
        (
            "tls = \"self-signed\"\ntls_certificate = \"/c.pem\"",
            "http.tls ",
        ),
        ("tls = \"on\"", "http.tls "),
    ] {
        let told = errors(&format!("[http]\n{wrong}"), &[]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(key), "{told:?}");
    }
}

#[test]
fn a_private_key_in_the_place_of_its_file_is_refused_and_not_shown() {
    let pasted = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----";
    let told = errors("", &[("PORTHOLE__HTTP__TLS_KEY", pasted)]);
    assert!(told[0].contains("http.tls_key = (hidden)"), "{told:?}");
    assert!(!told[0].contains("MIGH"), "{told:?}");
}

#[test]
fn trusted_proxies_are_addresses_and_networks_but_never_everybody() {
    let proxies = |text: &str| load("", &[("PORTHOLE__HTTP__TRUSTED_PROXIES", text)]);
    let good = proxies("192.168.1.5, 10.1.2.3/24, fd00::/8, ::1").unwrap();
    let good: Vec<_> = good
        .http
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        good,
        ["192.168.1.5/32", "10.1.2.0/24", "fd00::/8", "::1/128"]
    );
    for wrong in [
        "proxy.example.org",
        "192.168.1.5:80",
        "10.0.0.0/33",
        "0.0.0.0/0",
        "::/0",
        ",",
    ] {
        let SettingsErrors(errors) = proxies(wrong).unwrap_err();
        let told = errors[0].to_string();
        assert!(told.starts_with("http.trusted_proxies = "), "{told}");
    }
}

#[test]
fn hosts_are_names_and_nothing_else() {
    let hosts = |text: &str| load("", &[("PORTHOLE__HTTP__HOSTS", text)]).map(|s| s.http.hosts);
    assert_eq!(
        hosts("Camera.Example.org, nas").unwrap(),
        ["camera.example.org", "nas"]
    );
    for wrong in ["http://camera", "camera:8080", "a b", "*.example.org", ","] {
        assert!(hosts(wrong).is_err(), "{wrong:?}");
    }
}
