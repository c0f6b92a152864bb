//! SOAP as UPnP uses it (UPnP Device Architecture, section 3.1): requests, and a tolerant reader of
//! the replies.
//!
//! The crate `igd` has typed calls, but they lose what is needed here: a fault without a
//! description loses its code (606, 725), and an entry without a lease is no entry. So requests are
//! written and replies read here, and only carried by that crate.

use quick_xml::escape::escape;

use crate::action::Action;
use crate::entry::{MappingEntry, printable};
use crate::error::Error;
use crate::xml::{self, Element};

/// Routers' own texts are cut to this many characters.
const MAX_TEXT: usize = 80;

/// The body of a request. Values are escaped; names and the service are this program's own.
#[must_use]
pub fn request(action: Action, service: &str, arguments: &[(&str, &str)]) -> String {
    use std::fmt::Write as _;

    let mut body = format!(
        "<?xml version=\"1.0\"?>\r\n\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">\
         <s:Body><u:{action} xmlns:u=\"{service}\">"
    );
    for (name, value) in arguments {
        // Writing to a string cannot fail.
        let _ = write!(body, "<{name}>{}</{name}>", escape(*value));
    }
    let _ = write!(body, "</u:{action}></s:Body></s:Envelope>\r\n");
    body
}

/// Read the reply to a request: the element that holds its arguments.
///
/// # Errors
/// [`Error::Refused`] for a SOAP fault, with its code even where nothing else is in it;
/// [`Error::Unreadable`] for what is not a SOAP reply at all.
pub fn reply(action: Action, body: &str) -> Result<Element, Error> {
    let unreadable = |what: String| Error::Unreadable { action, what };
    let document = xml::read(body);
    let root = document.root;
    if let Some(fault) = root.find("Fault") {
        return Err(refused(action, fault));
    }
    // Some routers send the detail of a fault without its wrapping.
    if root.find("UPnPError").is_some() {
        return Err(refused(action, &root));
    }
    let name = format!("{action}Response");
    if let Some(response) = root.find(&name) {
        return Ok(response.clone());
    }
    // A web page has a body too, so it counts only inside of an envelope.
    let inside = root
        .find("Envelope")
        .and_then(|envelope| envelope.find("Body"));
    match (inside, document.damage) {
        (_, Some(damage)) => Err(unreadable(damage)),
        // An empty body is how some routers say yes to a write.
        (Some(body), None) => Ok(body.clone()),
        (None, None) => Err(unreadable(match root.children.first() {
            Some(element) => format!(
                "a {:?} page, not a SOAP reply",
                printable(&element.name, 20)
            ),
            None => "not a SOAP reply".to_owned(),
        })),
    }
}

fn refused(action: Action, fault: &Element) -> Error {
    let code = fault
        .text_of("errorCode")
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    let text = fault
        .text_of("errorDescription")
        .filter(|text| !text.is_empty())
        .or_else(|| fault.text_of("faultstring"))
        .unwrap_or_default();
    Error::Refused {
        action,
        code,
        text: printable(text, MAX_TEXT),
    }
}

/// What a `GetListOfPortMappings` answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The entries that could be read.
    pub entries: Vec<MappingEntry>,
    /// How many more there were that could not, or what broke the list off.
    pub damage: Option<String>,
}

/// Read the list inside a `GetListOfPortMappings` answer: a document within the document, escaped
/// as the standard wants it, in CDATA, or simply nested.
///
/// # Errors
/// [`Error::Unreadable`] when there is no list in it.
pub fn listing(response: &Element) -> Result<Listing, Error> {
    let unreadable = |what: &str| Error::Unreadable {
        action: Action::GetListOfPortMappings,
        what: what.to_owned(),
    };
    let field = response
        .find("NewPortListing")
        .ok_or_else(|| unreadable("it holds no list"))?;
    let inner = xml::read(&field.text);
    let (root, mut damage) = if field.children.is_empty() {
        (&inner.root, inner.damage)
    } else {
        (field, None)
    };
    let elements = root.find_all("PortMappingEntry");
    if elements.is_empty()
        && root.find("PortMappingList").is_none()
        && !field.text.trim().is_empty()
    {
        return Err(unreadable("its list is not one"));
    }
    let entries: Vec<MappingEntry> = elements
        .iter()
        .filter_map(|fields| MappingEntry::read(fields))
        .collect();
    let lost = elements.len() - entries.len();
    if damage.is_none() && lost > 0 {
        damage = Some(format!("{lost} entries cannot be read"));
    }
    Ok(Listing { entries, damage })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACTION: Action = Action::AddPortMapping;

    fn envelope(inside: &str) -> String {
        format!(
            "<?xml version='1.0'?><s:Envelope xmlns:s='x'><s:Body>{inside}</s:Body></s:Envelope>"
        )
    }

    fn refusal(inside: &str) -> (Option<u16>, String) {
        match reply(ACTION, &envelope(inside)) {
            Err(Error::Refused { code, text, .. }) => (Some(code), text),
            other => panic!("not a refusal: {other:?}"),
        }
    }

    #[test]
    fn values_are_escaped_in_requests() {
        let body = request(
            ACTION,
            "urn:x",
            &[("NewPortMappingDescription", "a<b>&\"'")],
        );
        assert!(body.contains("<NewPortMappingDescription>a&lt;b&gt;&amp;&quot;&apos;</"));
        let read = xml::read(&body);
        assert_eq!(read.damage, None);
        assert_eq!(
            read.root.text_of("NewPortMappingDescription"),
            Some("a<b>&\"'")
        );
    }

    #[test]
    fn a_fault_gives_its_code_and_text() {
        let fault = "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>\
                     <detail>\
            <UPnPError xmlns='urn:schemas-upnp-org:control-1-0'><errorCode>718</errorCode>\
            <errorDescription>ConflictInMappingEntry</errorDescription></UPnPError></detail>\
            </s:Fault>";
        assert_eq!(refusal(fault), (Some(718), "ConflictInMappingEntry".into()));
    }

    #[test]
    fn a_fault_without_a_description_keeps_its_code() {
        let fault = "<s:Fault><detail><UPnPError><errorCode> 606 </errorCode></UPnPError></detail>\
                     </s:Fault>";
        assert_eq!(refusal(fault), (Some(606), String::new()));
    }

    #[test]
    fn an_error_without_its_wrapping_is_a_fault_too() {
        assert_eq!(
            refusal("<UPnPError><errorCode>725</errorCode></UPnPError>"),
            (Some(725), String::new())
        );
    }

    #[test]
    fn a_fault_without_a_code_is_code_0() {
        let fault = "<s:Fault><faultstring>Nope</faultstring></s:Fault>";
        assert_eq!(refusal(fault), (Some(0), "Nope".into()));
    }

    #[test]
    fn a_fault_that_breaks_off_is_still_a_fault() {
        let cut =
            "<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>718</errorCode><errorDes";
        assert_eq!(reply(ACTION, cut).unwrap_err().refusal(), Some(718));
    }

    #[test]
    fn a_web_page_is_not_a_reply() {
        let error = reply(
            ACTION,
            "<html><body><h1>404 Not DiscoveredRouter</h1></body></html>",
        );
        assert!(matches!(error, Err(Error::Unreadable { .. })), "{error:?}");
        assert!(matches!(reply(ACTION, ""), Err(Error::Unreadable { .. })));
        assert!(matches!(
            reply(ACTION, "<s:Envelope><s:Bo"),
            Err(Error::Unreadable { .. })
        ));
    }

    fn list(field: &str) -> Result<Listing, Error> {
        let response = reply(
            Action::GetListOfPortMappings,
            &envelope(&format!(
                "<u:GetListOfPortMappingsResponse xmlns:u='y'><NewPortListing>{field}\
                 </NewPortListing>\
                 </u:GetListOfPortMappingsResponse>"
            )),
        )?;
        listing(&response)
    }

    const TWO: &str = "<?xml version=\"1.0\"?>\
                       <p:PortMappingList xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">\
        <p:PortMappingEntry><p:NewRemoteHost></p:NewRemoteHost>\
        <p:NewExternalPort>8080</p:NewExternalPort>\
        <p:NewProtocol>TCP</p:NewProtocol><p:NewInternalPort>8080</p:NewInternalPort>\
        <p:NewInternalClient>192.168.77.11</p:NewInternalClient><p:NewEnabled>1</p:NewEnabled>\
        <p:NewDescription>Porthole server 1</p:NewDescription><p:NewLeaseTime>27</p:NewLeaseTime>\
        </p:PortMappingEntry>\
        <p:PortMappingEntry><p:NewExternalPort>8081</p:NewExternalPort>\
        <p:NewProtocol>TCP</p:NewProtocol>\
        </p:PortMappingEntry></p:PortMappingList>";

    #[test]
    fn a_list_is_read_escaped_in_cdata_or_nested() {
        let nested = TWO.trim_start_matches("<?xml version=\"1.0\"?>");
        for field in [
            escape(TWO).into_owned(),
            format!("<![CDATA[{TWO}]]>"),
            nested.to_owned(),
        ] {
            let listing = list(&field).unwrap();
            let ports: Vec<u16> = listing.entries.iter().map(|e| e.external.get()).collect();
            assert_eq!(ports, [8080, 8081], "{field}");
            assert_eq!(listing.entries[0].description, "Porthole server 1");
            assert_eq!(listing.entries[0].lease_seconds, Some(27));
            assert_eq!(listing.damage, None);
        }
    }

    #[test]
    fn an_empty_list_is_one_and_a_broken_one_says_so() {
        assert_eq!(list("").unwrap().entries, []);
        assert_eq!(list("&lt;PortMappingList/&gt;").unwrap().entries, []);
        assert!(list("nonsense").is_err());
        let cut = &TWO[..TWO.len() - 120];
        let listing = list(&escape(cut)).unwrap();
        assert_eq!(listing.entries[0].external.get(), 8080);
        assert!(listing.damage.is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        ) {
            let text = String::from_utf8_lossy(&bytes);
            let _ = reply(ACTION, &text);
        }

        #[test]
        fn no_mutation_of_a_list_makes_the_reader_panic_or_invent_an_entry(
            edits in proptest::collection::vec(
                (any::<prop::sample::Index>(), any::<u8>(), 0u8..3),
                1..20,
            ),
        ) {
            let mut bytes = envelope(&format!(
                "<GetListOfPortMappingsResponse><NewPortListing>{}</NewPortListing>\
                 </GetListOfPortMappingsResponse>",
                escape(TWO)
            ))
            .into_bytes();
            for (at, byte, how) in edits {
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            let response = reply(Action::GetListOfPortMappings, &text);
            let listing = response.and_then(|response| listing(&response));
            if let Ok(listing) = listing {
                // A broken end can nest one entry in another, but what is read stands in the text.
                prop_assert!(listing.entries.len() <= text.matches("PortMappingEntry").count());
            }
        }

        #[test]
        fn any_value_survives_a_request(value in "[^\\x00-\\x1f\\x7f-\\x9f]{0,40}") {
            let body = request(ACTION, "urn:x", &[("V", &value)]);
            let read = xml::read(&body);
            prop_assert_eq!(read.root.text_of("V"), Some(value.trim()));
        }
    }
}
