//! Which host a request may be for: the answer to DNS rebinding.
//!
//! Another site may have its own host name resolve to this camera's address; the browser of a
//! client on the LAN then takes both for one site and lets that site's page send requests and read
//! the answers. The name that the browser sends (`Host`, RFC 9110 §7.2) shows that: rebinding needs
//! a name of the attacker's, so IP addresses are allowed, and of names only this camera's own. What
//! a proxy says it was asked for (`X-Forwarded-Host`, `Forwarded`) is never believed: any client
//! can say it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, Uri, header};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};

use super::Problem;
use crate::shared::SharedState;

/// Where the kernel has the machine's name.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// How much of a refused name is repeated in the answer, in characters.
const SHOWN: usize = 80;

/// The names by which this camera may be addressed, in lower case.
#[derive(Clone, Debug)]
pub struct OwnNames(Arc<[String]>);

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRefused {
    /// It does not say in one clear way for which host it is (RFC 9112 §3.2).
    Unclear(&'static str),
    /// It is for this host, which is not this camera's.
    Foreign(String),
}

impl OwnNames {
    /// Those of a server: `localhost`, its own, the machine's, and those of the settings.
    pub fn of(shared: &SharedState) -> Self {
        let machine = std::fs::read_to_string(HOSTNAME).unwrap_or_default();
        let settings = &shared.settings;
        let mut names = vec!["localhost".to_owned(), shared.identity.local_host()];
        names.extend(local_name(&machine));
        names.extend(settings.router.external_host.clone());
        names.extend(settings.http.hosts.iter().cloned());
        Self::new(names)
    }

    /// These, in whatever case.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        )
    }

    /// Whether a request may be for `authority` (host and perhaps port).
    ///
    /// # Errors
    /// It is no host, or one that is not this camera's.
    pub fn check_authority(&self, authority: &str) -> Result<(), HostRefused> {
        match Host::parse(authority).ok_or(HostRefused::Unclear("its Host is no host"))? {
            Host::Address => Ok(()),
            Host::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                if self.0.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                    Ok(())
                } else {
                    Err(HostRefused::Foreign(name.chars().take(SHOWN).collect()))
                }
            }
        }
    }

    /// Whether a request with these `Host` fields and this target may be answered.
    ///
    /// # Errors
    /// It is no host, or not this camera's.
    pub fn check_request<'a>(
        &self,
        target: &Uri,
        mut hosts: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), HostRefused> {
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(HostRefused::Unclear(
                "it needs one Host, no more and no less",
            ));
        };
        let host = str::from_utf8(host).map_err(|_| HostRefused::Unclear("its Host is no text"))?;
        self.check_authority(host)?;
        // A target with a host in it goes before `Host` (RFC 9112 §3.2.2), so the two have to
        // agree.
        match target.authority() {
            Some(authority) if !authority.as_str().eq_ignore_ascii_case(host) => {
                self.check_authority(authority.as_str())?;
                Err(HostRefused::Unclear("its Host is not that of its target"))
            }
            _ => Ok(()),
        }
    }
}

impl From<HostRefused> for Problem {
    fn from(refused: HostRefused) -> Self {
        match refused {
            HostRefused::Unclear(why) => Self::new(
                StatusCode::BAD_REQUEST,
                format!("this request does not say for which host it is: {why}"),
            ),
            HostRefused::Foreign(name) => Self::new(
                StatusCode::MISDIRECTED_REQUEST,
                format!(
                    "This camera does not answer to the name \"{name}\". Whoever runs it allows \
                     that with the setting http.hosts = [\"{name}\"]; its IP address always works."
                ),
            ),
        }
    }
}

/// The middleware: a request that is not for this host is refused.
pub async fn check_host<B: MessageBody>(
    names: OwnNames,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let hosts = request.headers().get_all(header::HOST);
    match names.check_request(request.uri(), hosts.map(header::HeaderValue::as_bytes)) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(refused) => {
            let answer = Problem::from(refused).error_response();
            Ok(request.into_response(answer).map_into_right_body())
        }
    }
}

/// The name that the machine's own mDNS responder gives it.
fn local_name(machine: &str) -> Option<String> {
    let first = machine.trim().split('.').next()?;
    (!first.is_empty()).then(|| format!("{first}.local"))
}

/// The host of an authority, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
enum Host<'a> {
    /// An IP address, which no name server can change.
    Address,
    /// A name, which somebody else's name server may lead to this address.
    Name(&'a str),
}

impl<'a> Host<'a> {
    /// From `host [":" port]` (RFC 9110 §7.2); nothing where it is anything else.
    fn parse(authority: &'a str) -> Option<Self> {
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (Self::Address, port)
            }
            None => {
                let (host, port) =
                    authority.split_at(authority.find(':').unwrap_or(authority.len()));
                let host = match host.parse::<Ipv4Addr>() {
                    Ok(_) => Self::Address,
                    Err(_) => Self::Name(name(host)?),
                };
                (host, port)
            }
        };
        let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        let fits = match port.strip_prefix(':') {
            Some(port) => digits(port) && port.parse::<u16>().is_ok(),
            None => port.is_empty(),
        };
        fits.then_some(host)
    }
}

/// A host name as browsers send one. The underscore is in no standard, and in many a LAN.
fn name(text: &str) -> Option<&str> {
    let fits = (1..=254).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> OwnNames {
        OwnNames::new(
            ["localhost", "porthole-7.local", "Cam.Example.org", "nas"]
                .into_iter()
                .map(str::to_owned)
                .chain(local_name("barn.fritz.box\n")),
        )
    }

    fn check(target: &str, hosts: &[&str]) -> Result<(), HostRefused> {
        names().check_request(
            &target.parse().unwrap(),
            hosts.iter().map(|host| host.as_bytes()),
        )
    }

    #[test]
    fn addresses_and_own_names_pass_with_any_port() {
        for host in [
            "192.168.77.11",
            "192.168.77.11:8081",
            "[fe80::1]",
            "[::1]:8080",
            "localhost:8080",
            "porthole-7.local",
            "PORTHOLE-7.local.",
            "barn.local:8080",
            "cam.example.org:443",
            "nas",
        ] {
            assert_eq!(check("/", &[host]), Ok(()), "{host}");
        }
    }

    #[test]
    fn foreign_names_are_refused_by_name() {
        for host in [
            "evil.example",
            "192.168.77.11.evil.example",
            "porthole-7.local.evil.example",
            "porthole-8.local",
            "xlocalhost",
            "barn",
            "barn.fritz.box",
            "0x7f000001",
            "cam.example.org.evil.example:8080",
        ] {
            let told = check("/", &[host]).unwrap_err();
            let name = host.split(':').next().unwrap().to_owned();
            assert_eq!(told, HostRefused::Foreign(name), "{host}");
            let problem = Problem::from(told).to_string();
            assert!(problem.contains("http.hosts"), "{problem}");
            assert!(problem.starts_with("421"), "{problem}");
        }
    }

    #[test]
    fn no_host_two_hosts_and_what_is_none_are_bad_requests() {
        let clear = |hosts: &[&str]| !matches!(check("/", hosts), Err(HostRefused::Unclear(_)));
        assert!(!clear(&[]));
        assert!(!clear(&["localhost", "localhost"]));
        for garbage in [
            "",
            ":8080",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "localhost:+80",
            "user@localhost",
            "localhost/path",
            "local host",
            "localhost,evil.example",
            "[::1",
            "[::1]x",
            "[localhost]",
            "::1",
            "n\u{fc}rnberg.local",
        ] {
            assert!(!clear(&[garbage]), "{garbage:?}");
        }
    }

    #[test]
    fn a_target_with_a_host_in_it_is_held_to_the_same() {
        assert_eq!(check("http://localhost:8080/", &["localhost:8080"]), Ok(()));
        let foreign = check("http://evil.example/", &["localhost:8080"]);
        assert_eq!(
            foreign,
            Err(HostRefused::Foreign("evil.example".to_owned()))
        );
        let other = check("http://192.168.77.11/", &["localhost:8080"]);
        assert!(matches!(other, Err(HostRefused::Unclear(_))), "{other:?}");
        let user = check("http://a@localhost:8080/", &["localhost:8080"]);
        assert!(matches!(user, Err(HostRefused::Unclear(_))), "{user:?}");
    }

    proptest! {
        #[test]
        fn only_addresses_and_own_names_ever_pass(host in "[a-z0-9.:@\\[\\]-]{0,24}") {
            if names().check_authority(&host).is_ok() {
                let bare = host.rsplit_once(':').map_or(&*host, |(bare, _)| bare);
                let own = |name: &str| {
                    let name = name.trim_end_matches('.');
                    names().0.iter().any(|own| own == name)
                };
                prop_assert!(own(&host) || own(bare) || host.parse::<Ipv4Addr>().is_ok()
                    || bare.parse::<Ipv4Addr>().is_ok() || host.starts_with('['), "{host}");
            }
        }
    }
}
