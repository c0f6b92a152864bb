//! Addresses that may stand behind a link: http and https, and nothing else.
//!
//! Names and addresses reach a page from routers and from other servers on the LAN. Escaping keeps
//! them from breaking out of an attribute, but would still let `javascript:` in; this type does
//! not.

use std::fmt;
use std::str::FromStr;

use actix_web::http::Uri;

/// An absolute `http` or `https` address with a host and without a user name in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebUrl(String);

/// The text is not an address that a page may link to.
#[derive(Debug, thiserror::Error)]
#[error("a link needs an http or https address with a host and no user name, not {0:?}")]
pub struct NotAWebUrl(String);

impl WebUrl {
    /// The address as text, always with a path (`http://60.120.76.64:8081/`).
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of `name` directly below this one.
    pub fn child(&self, name: &str) -> String {
        format!("{}/{name}", self.0.trim_end_matches('/'))
    }
}

impl FromStr for WebUrl {
    type Err = NotAWebUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAWebUrl(text.chars().take(80).collect());
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().is_some_and(|host| !host.is_empty());
        let user = uri.authority().is_some_and(|a| a.as_str().contains('@'));
        if web && host && !user {
            Ok(Self(uri.to_string()))
        } else {
            Err(refused())
        }
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_addresses_are_taken_and_get_a_path() {
        for (given, kept) in [
            ("http://60.120.76.64:8081/", "http://60.120.76.64:8081/"),
            ("http://60.120.76.64:8081", "http://60.120.76.64:8081/"),
            ("https://myRouter.com:8081/", "https://myRouter.com:8081/"),
            ("http://[2001:db8::1]:8082/", "http://[2001:db8::1]:8082/"),
        ] {
            assert_eq!(given.parse::<WebUrl>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_a_page_must_not_link_to_is_refused() {
        for bad in [
            "",
            "/",
            "//60.120.76.64/",
            "javascript:alert(1)",
            "JavaScript://60.120.76.64/%0aalert(1)",
            "data:text/html,<script>alert(1)</script>",
            "ftp://60.120.76.64/",
            "http://",
            "http://bank.example@60.120.76.64/",
            "http://60.120.76.64/\" onclick=\"alert(1)",
            "http://60.120.76.64/\n",
        ] {
            assert!(bad.parse::<WebUrl>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_child_stands_directly_below_the_address() {
        let url: WebUrl = "http://60.120.76.64:8081".parse().unwrap();
        assert_eq!(
            url.child("snapshot.jpg"),
            "http://60.120.76.64:8081/snapshot.jpg"
        );
    }
}
