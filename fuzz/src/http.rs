//! What a client of the web server sends before anybody knows who it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::Uri;
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::test::TestRequest;
use porthole::auth::{Claims, Signer};
use porthole::http::{COOKIE_PREFIX, HostRefused, OwnNames, Problem, frame_interval};
use porthole::site::AuthState;

/// The names of this camera.
const NAMES: [&str; 3] = ["localhost", "porthole-7.local", "cam.example.org"];

/// What a refusal repeats of what was asked, with everything around it, in bytes.
const LONGEST_REFUSAL: usize = 1024;

/// The query of a stream: the time between two pictures is one that a camera can keep.
pub fn picture_query(bytes: &[u8]) -> bool {
    let query = String::from_utf8_lossy(bytes);
    match frame_interval(&query) {
        Ok(None) => false,
        Ok(Some(interval)) => {
            let possible = Duration::from_millis(1)..=Duration::from_secs(10);
            assert!(possible.contains(&interval), "{interval:?}");
            true
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with("fps must be"), "{said}");
            assert!(said.len() <= LONGEST_REFUSAL, "{said}");
            false
        }
    }
}

/// The target on the first line, then a `Host` a line. Only addresses and this camera's own names
/// pass, whatever the target says.
pub fn host(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let target = lines.next().unwrap_or_default();
    let Some(target) = Uri::try_from(target).ok() else {
        return false;
    };
    let hosts: Vec<&[u8]> = lines.collect();
    let names = OwnNames::new(NAMES.map(str::to_owned));
    match names.check_request(&target, hosts.iter().copied()) {
        Ok(()) => {
            assert_eq!(hosts.len(), 1, "one Host, no more and no less");
            let host = str::from_utf8(hosts[0]).expect("text");
            assert!(
                own(host),
                "{host:?} is neither an address nor a name of ours"
            );
            true
        }
        Err(refused) => {
            if let HostRefused::Foreign(name) = &refused {
                assert!(name.chars().count() <= 80, "{name}");
            }
            let said = Problem::from(refused).to_string();
            assert!(said.len() <= LONGEST_REFUSAL, "{said}");
            false
        }
    }
}

/// Reads an authority anew, from its end.
fn own(authority: &str) -> bool {
    let bare = match authority.rsplit_once(':') {
        Some((bare, port)) if port.parse::<u16>().is_ok() => bare,
        _ => authority,
    };
    let bracketed = bare
        .strip_prefix('[')
        .and_then(|bare| bare.strip_suffix(']'));
    let address = match bracketed {
        Some(bare) => bare.parse::<Ipv6Addr>().map(IpAddr::from).is_ok(),
        None => bare.parse::<Ipv4Addr>().is_ok(),
    };
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    address || NAMES.contains(&name.as_str())
}

/// A `Cookie` header; or, from `{` on, what a camera of the site might have signed. What was not
/// signed with the key is refused, what was is read as it was signed, and a changed letter is
/// noticed.
pub fn cookie(bytes: &[u8]) -> bool {
    let signer = Signer::of_secret(b"a secret that no input has");
    if bytes.starts_with(b"{") {
        return signed(&signer, bytes);
    }
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return false;
    };
    let request = TestRequest::get().insert_header((COOKIE, value));
    let request = request.to_http_request();
    let Ok(cookies) = request.cookies() else {
        return false;
    };
    let of_porthole = |cookie: &&Cookie| cookie.name().starts_with(COOKIE_PREFIX);
    let Some(session) = cookies.iter().find(of_porthole) else {
        return false;
    };
    let verified = signer.verify(session.value());
    let why = verified.expect_err("it was made without the key");
    assert!(!why.to_string().is_empty());
    true
}

fn signed(signer: &Signer, json: &[u8]) -> bool {
    let Ok(claims) = serde_json::from_slice::<Claims>(json) else {
        return false;
    };
    let text = signer.sign(&claims);
    assert_eq!(signer.verify(&text).as_ref(), Ok(&claims));
    for at in [text.len() / 3, text.len() / 2, text.len() - 2] {
        let mut other = text.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).expect("ASCII");
        assert!(signer.verify(&other).is_err(), "letter {at} of {other}");
    }
    // Any clock, and any that a camera's could be mistaken for.
    for now in [0, claims.issued, claims.expires, u64::MAX] {
        if let Err(why) = claims.check(now, &AuthState::default()) {
            assert!(why.to_string().len() <= LONGEST_REFUSAL, "{why}");
        }
        if let Some(renewed) = claims.renewed(now) {
            assert!(renewed.expires > claims.expires);
        }
        assert!(claims.latest_expiry() >= claims.expires);
    }
    true
}
