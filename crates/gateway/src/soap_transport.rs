//! Carrying SOAP from a given address of this machine.
//!
//! A router in secure mode knows a device by the address that its requests come from. The crate's
//! own provider lets the kernel choose that, which on a machine with two addresses may be the other
//! one: every mapping is then refused (606 or 718). So this is a [`Provider`] of our own, whose
//! connections begin at the address to be mapped.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderName};
use igd::RequestError;
use igd::aio::Provider;
use url::Url;

use crate::http_exchange::{ANSWER_TIME, Failure, Limits, exchange};

/// Bytes of any reply; what is expected is checked where it is read.
const MAX_REPLY: usize = 1024 * 1024;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

tokio::task_local! {
    /// Where the request under way leaves from, and how long its answer may take: the trait's
    /// function has no receiver to keep that in.
    static UNDER_WAY: (Ipv4Addr, Duration);
}

/// Why a request of [`send`] has no reply, where that is known. The crate's error has no case for
/// most of it: it is kept whole inside an error of input and output.
pub(super) fn failure(error: &RequestError) -> Option<&Failure> {
    match error {
        RequestError::IoError(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Send a request from this address; its answer may take `time`.
///
/// # Errors
/// When it cannot be sent, or the reply does not come in time, cannot be read, is over 1 MiB or is
/// not UTF-8.
pub(super) async fn send(
    from: Ipv4Addr,
    time: Duration,
    url: &str,
    action: &str,
    body: &str,
) -> Result<String, RequestError> {
    UNDER_WAY
        .scope((from, time), FromAddress::send_async(url, action, body))
        .await
}

struct FromAddress;

impl Provider for FromAddress {
    async fn send_async(url: &str, action: &str, body: &str) -> Result<String, RequestError> {
        let (from, time) = UNDER_WAY
            .try_with(|(from, time)| (Some(*from), *time))
            .unwrap_or((None, ANSWER_TIME));
        let limits = Limits {
            time,
            bytes: MAX_REPLY,
        };
        let url: Url = url.parse().map_err(io::Error::other)?;
        let request = Request::post("/")
            .header(SOAP_ACTION, action)
            .header(CONTENT_TYPE, "text/xml");
        let body = Bytes::copy_from_slice(body.as_bytes());
        // Whatever its status: a fault comes with 500, and from some routers with 200.
        let reply = exchange(from, &url, request, body, limits)
            .await
            .map_err(io::Error::other)?;
        Ok(String::from_utf8(reply.body.into())?)
    }
}
