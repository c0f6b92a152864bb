use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::self_signed::load_or_make;
use super::*;

const DAY: Duration = Duration::from_hours(24);

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|&name| name.to_owned()).collect()
}

/// A certificate that ends so long after 1970, and its key, in PEM.
fn pair(end: Duration) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(names(&["camera.example.org"])).unwrap();
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + end;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + 20_700 * DAY
}

#[test]
fn a_certificate_of_ones_own_is_kept_over_restarts_and_changes_of_address() {
    let folder = tempfile::tempdir().unwrap();
    let made = load_or_make(
        folder.path(),
        &names(&["porthole-1.local", "10.0.0.5"]),
        now(),
    );
    let made = made.unwrap();
    let kept = load_or_make(
        folder.path(),
        &names(&["porthole-1.local", "10.0.0.9"]),
        now(),
    );
    assert_eq!(kept.unwrap().fingerprint, made.fingerprint);
    assert_eq!(made.names, ["porthole-1.local"]);
    assert!(made.expires_at > now() + 3000 * DAY, "{}", made.expires());
    let key = fs::metadata(folder.path().join("tls/key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn one_that_is_gone_broken_ended_or_anothers_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mine = names(&["porthole-1.local"]);
    let mut before = load_or_make(folder.path(), &mine, now()).unwrap();
    let mut made_anew = |what: &str, names: &[String], now: SystemTime| {
        let after = load_or_make(folder.path(), names, now).unwrap();
        assert_ne!(after.fingerprint, before.fingerprint, "{what}");
        let again = load_or_make(folder.path(), names, now).unwrap();
        assert_eq!(again.fingerprint, after.fingerprint, "{what}");
        before = after;
    };
    fs::remove_file(folder.path().join("tls/key.pem")).unwrap();
    made_anew("without its key", &mine, now());
    fs::write(folder.path().join("tls/certificate.pem"), "mud").unwrap();
    made_anew("broken", &mine, now());
    made_anew("ended", &mine, now() + 4000 * DAY);
    made_anew("another's", &names(&["porthole-2.local"]), now());
}

#[test]
fn a_clock_that_begins_in_1970_makes_a_certificate_for_today() {
    let folder = tempfile::tempdir().unwrap();
    let at_first = SystemTime::UNIX_EPOCH + Duration::from_secs(30);
    let mine = names(&["porthole-1.local"]);
    let made = load_or_make(folder.path(), &mine, at_first).unwrap();
    let later = load_or_make(folder.path(), &mine, now()).unwrap();
    assert_eq!(later.fingerprint, made.fingerprint);
}

#[test]
fn where_nothing_can_be_kept_there_is_a_certificate_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("tls"),
        "a file where the folder should be",
    )
    .unwrap();
    load_or_make(folder.path(), &names(&["porthole-1.local"]), now()).unwrap();
}

/// Two files with a pair in them.
struct Given {
    folder: tempfile::TempDir,
}

impl Given {
    fn new(certificate: &str, key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let given = Self { folder };
        given.write(certificate, key);
        given
    }

    fn write(&self, certificate: &str, key: &str) {
        // As certbot does: other files take their places.
        for (name, text) in [("c.pem", certificate), ("k.pem", key)] {
            fs::write(self.path("new"), text).unwrap();
            fs::rename(self.path("new"), self.path(name)).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn refusal(&self) -> String {
        let read = check_files(&self.path("c.pem"), &self.path("k.pem"), now());
        read.unwrap_err().to_string()
    }
}

#[test]
fn what_is_wrong_with_the_files_is_said_with_setting_file_and_reason() {
    let (certificate, key) = pair(30_000 * DAY);
    let (ended, its_key) = pair(20_000 * DAY);
    let (_, another) = pair(30_000 * DAY);
    let broken = certificate.replacen("MII", "AAA", 1);
    for (certificate, key, setting, why) in [
        (
            &*certificate,
            &*another,
            "http.tls_key",
            "not the key of the certificate",
        ),
        (
            &ended,
            &its_key,
            "http.tls_certificate",
            "expired on 2024-10-04",
        ),
        ("", &key, "http.tls_certificate", "no certificate"),
        (&key, &key, "http.tls_certificate", "no certificate"),
        (&broken, &key, "http.tls_certificate", "cannot be read"),
        (&certificate, "", "http.tls_key", "no private key"),
        (&certificate, &certificate, "http.tls_key", "no private key"),
    ] {
        let given = Given::new(certificate, key);
        let said = given.refusal();
        let file = if setting.ends_with("key") {
            "k.pem"
        } else {
            "c.pem"
        };
        let place = given.path(file).display().to_string();
        for part in [setting, &place, why] {
            assert!(said.contains(part), "no {part:?} in {said:?}");
        }
    }
    let given = Given::new(&certificate, &key);
    fs::remove_file(given.path("k.pem")).unwrap();
    assert!(given.refusal().contains("No such file"));
    fs::create_dir(given.path("k.pem")).unwrap();
    assert!(given.refusal().contains("no file"));
}

#[test]
fn a_renewed_certificate_is_shown_within_a_minute_and_half_a_renewal_changes_nothing() {
    let (old, old_key) = pair(30_000 * DAY);
    let (new, new_key) = pair(31_000 * DAY);
    let given = Given::new(&old, &old_key);
    let start = Instant::now();
    let files = Files::open(given.path("c.pem"), given.path("k.pem"), now(), start).unwrap();
    let first = files.current().fingerprint;
    let look = |minutes: u32| {
        files.refresh(now(), start + minutes * Duration::from_mins(1));
        files.current().fingerprint
    };

    given.write(&new, &old_key);
    assert_eq!(look(1), first, "half a renewal");
    given.write(&new, &new_key);
    assert_eq!(look(1), first, "not looked at again within the minute");
    let second = look(2);
    assert_ne!(second, first);
    fs::remove_file(given.path("c.pem")).unwrap();
    assert_eq!(look(3), second, "what is gone is no certificate");
}

#[test]
fn http_2_is_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    let mine = names(&["porthole-1.local"]);
    let tls = Tls::start(&settings::Tls::SelfSigned, folder.path(), &mine, now());
    let tls = tls.unwrap().expect("TLS is wanted");
    assert_eq!(tls.config().alpn_protocols, [b"http/1.1".to_vec()]);
    assert!(tls.is_self_signed());
    let peeked = load_self_signed(folder.path(), now()).expect("it was kept");
    assert_eq!(peeked.fingerprint, tls.certificate().fingerprint);
}
