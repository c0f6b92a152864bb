//! Carrying SOAP from a given address of this machine.
//!
//! A router in secure mode knows a device by the address that its requests come from. The crate's
//! own provider lets the kernel choose that, which on a machine with two addresses may be the other
//! one: every mapping is then refused (606 or 718). So this is a [`Provider`] of our own, whose
//! connections begin at the address to be mapped.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderName};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use igd::RequestError;
use igd::aio::Provider;

/// Bytes of any reply; what is expected is checked where it is read.
const MAX_REPLY: usize = 1024 * 1024;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

tokio::task_local! {
    /// The address that the request under way leaves from: the trait's function has no receiver to
    /// keep it in.
    static FROM: Ipv4Addr;
}

/// Whether a reply was not read to its end because it is over [`MAX_REPLY`].
pub(super) fn is_too_long(error: &io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<LengthLimitError>)
}

/// A body that cannot be read. The crate's error has no case for one that is too long: that one is
/// kept whole inside an error of input and output.
fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> RequestError {
    if error.is::<LengthLimitError>() {
        io::Error::new(io::ErrorKind::InvalidData, error).into()
    } else {
        RequestError::InvalidResponse(error.to_string())
    }
}

/// Send a request from this address; the time limit is the caller's.
///
/// # Errors
/// When it cannot be sent, or the reply cannot be read, is over 1 MiB or is not UTF-8.
pub(super) async fn send(
    from: Ipv4Addr,
    url: &str,
    action: &str,
    body: &str,
) -> Result<String, RequestError> {
    FROM.scope(from, FromAddress::send_async(url, action, body))
        .await
}

struct FromAddress;

impl Provider for FromAddress {
    async fn send_async(url: &str, action: &str, body: &str) -> Result<String, RequestError> {
        let mut connector = HttpConnector::new();
        connector.set_local_address(FROM.try_with(|from| IpAddr::V4(*from)).ok());
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let request = Request::post(url)
            .header(SOAP_ACTION, action)
            .header(CONTENT_TYPE, "text/xml")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        let response = client.request(request).await?;
        let reply = Limited::new(response.into_body(), MAX_REPLY)
            .collect()
            .await
            .map_err(unreadable)?;
        Ok(String::from_utf8(reply.to_bytes().into())?)
    }
}
