//! SOAP as UPnP uses it (Device Architecture §3): reading a call, writing the answer or the fault.
//! Pure.

use std::collections::HashMap;
use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};

use crate::fault::Fault;

/// The longest argument that is taken, in bytes. Real routers take descriptions of several hundred.
const MAX_ARGUMENT: usize = 512;
/// More arguments than any action of the services here has.
const MAX_ARGUMENTS: usize = 16;
/// Envelope, Body, action, argument.
const ARGUMENT_DEPTH: usize = 4;

/// What a control point asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The service type of the `SOAPAction` header, echoed in the answer.
    pub(super) service: String,
    /// The action's name.
    pub(super) action: String,
    arguments: HashMap<String, String>,
}

impl Call {
    /// Reads a call from the `SOAPAction` header and the body.
    ///
    /// # Errors
    /// 401 where the header names no action, 402 where the body is not a call of that action, 605
    /// for a long argument.
    pub(super) fn read(header: &str, body: &[u8]) -> Result<Self, Fault> {
        let (service, action) = header
            .trim()
            .trim_matches('"')
            .split_once('#')
            .ok_or(Fault::InvalidAction)?;
        let body = std::str::from_utf8(body).map_err(|_| Fault::InvalidArgs)?;
        let (called, arguments) = read_body(body)?;
        if called != action {
            return Err(Fault::InvalidArgs);
        }
        Ok(Self {
            service: service.to_owned(),
            action: called,
            arguments,
        })
    }

    /// The text of an argument, which may be empty.
    ///
    /// # Errors
    /// 402 where it is missing.
    pub(super) fn text(&self, name: &str) -> Result<&str, Fault> {
        self.arguments
            .get(name)
            .map(String::as_str)
            .ok_or(Fault::InvalidArgs)
    }

    /// An argument read as a number, an address or the like.
    ///
    /// # Errors
    /// 402 where it is missing or is none.
    pub(super) fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault> {
        self.text(name)?
            .trim()
            .parse()
            .map_err(|_| Fault::InvalidArgs)
    }
}

/// The action's element name and its arguments, whatever the prefixes.
fn read_body(xml: &str) -> Result<(String, HashMap<String, String>), Fault> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut depth = 0_usize;
    let mut action = None;
    let mut count = 0;
    let mut text = String::new();
    let mut arguments = HashMap::new();
    loop {
        // Whatever is not well-formed XML is not a call.
        match reader.read_event().map_err(|_| Fault::InvalidArgs)? {
            Event::Start(start) => {
                depth += 1;
                text.clear();
                if depth == ARGUMENT_DEPTH - 1 && action.is_none() {
                    action = Some(start.local_name().as_ref().to_owned());
                }
            }
            Event::End(end) => {
                if depth == ARGUMENT_DEPTH {
                    count += 1;
                    if count > MAX_ARGUMENTS {
                        return Err(Fault::InvalidArgs);
                    }
                    arguments.insert(
                        end.local_name().as_ref().to_owned(),
                        std::mem::take(&mut text),
                    );
                }
                depth = depth.checked_sub(1).ok_or(Fault::InvalidArgs)?;
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => text.push_str(&resolve(&reference)?),
            // A call has no use for a document type, and entities of one's own are how XML readers
            // are attacked.
            Event::DocType(_) => return Err(Fault::InvalidArgs),
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        if text.len() > MAX_ARGUMENT {
            return Err(Fault::ArgumentTooLong);
        }
    }
    if depth != 0 {
        return Err(Fault::InvalidArgs);
    }
    Ok((action.ok_or(Fault::InvalidArgs)?, arguments))
}

/// The character that `&…;` stands for.
fn resolve(reference: &BytesRef<'_>) -> Result<String, Fault> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Ok(character.to_string()),
        Ok(None) => resolve_predefined_entity(reference)
            .map(str::to_owned)
            .ok_or(Fault::InvalidArgs),
        Err(_) => Err(Fault::InvalidArgs),
    }
}

/// Text fit for an XML element: escaped, without the control characters that XML 1.0 cannot carry
/// at all.
pub(super) fn xml_text(raw: &str) -> String {
    let legal: String = raw
        .chars()
        .filter(|&c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))
        .filter(|&c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect();
    escape(legal).into_owned()
}

/// `<name>text</name>` for each, escaped; `prefix` goes before each name.
pub(super) fn elements(prefix: &str, fields: &[(&str, String)]) -> String {
    let mut xml = String::new();
    for (name, value) in fields {
        let value = xml_text(value);
        // Writing to a String cannot fail.
        let _ = write!(xml, "<{prefix}{name}>{value}</{prefix}{name}>");
    }
    xml
}

/// The answer to a call that was carried out.
pub(super) fn response(call: &Call, results: &[(&str, String)]) -> String {
    let action = xml_text(&call.action);
    let service = xml_text(&call.service);
    let results = elements("", results);
    envelope(&format!(
        r#"<u:{action}Response xmlns:u="{service}">{results}</u:{action}Response>"#
    ))
}

/// The answer to a call that was refused; goes out with HTTP status 500.
pub(super) fn fault(fault: Fault) -> String {
    let code = fault.code();
    envelope(&format!(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
         <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>{code}</errorCode>\
         <errorDescription>{fault}</errorDescription></UPnPError></detail></s:Fault>"
    ))
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope \
         xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>{body}</s:Body>\
         </s:Envelope>\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\"urn:schemas-upnp-org:service:WANIPConnection:2#DeletePortMapping\"";

    fn body(inner: &str) -> String {
        envelope(&format!(
            "<u:DeletePortMapping xmlns:u=\"urn:x\">{inner}</u:DeletePortMapping>"
        ))
    }

    fn read(inner: &str) -> Result<Call, Fault> {
        Call::read(HEADER, body(inner).as_bytes())
    }

    #[test]
    fn a_call_is_read_with_its_service_action_and_arguments() {
        let call = read(
            "<NewRemoteHost/>\n <NewExternalPort> 8080 </NewExternalPort>\
             <NewProtocol>TCP</NewProtocol>",
        )
        .unwrap();
        assert_eq!(
            call.service,
            "urn:schemas-upnp-org:service:WANIPConnection:2"
        );
        assert_eq!(call.action, "DeletePortMapping");
        assert_eq!(call.text("NewRemoteHost"), Ok(""));
        assert_eq!(call.parse::<u16>("NewExternalPort"), Ok(8080));
        assert_eq!(call.parse::<u16>("NewProtocol"), Err(Fault::InvalidArgs));
        assert_eq!(call.text("NewNothing"), Err(Fault::InvalidArgs));
    }

    #[test]
    fn escaped_text_comes_out_as_it_was_meant() {
        let call = read("<D>a &lt;b&gt; &amp; &#x63;&#100;<![CDATA[ <e> ]]></D>").unwrap();
        assert_eq!(call.text("D"), Ok("a <b> & cd <e> "));
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let call = read("").unwrap();
        let nasty = "</D><NewExternalPort>1</NewExternalPort> & \"'<!--";
        let answer = response(&call, &[("D", nasty.to_owned())]);
        let (name, fields) = read_body(&answer).unwrap();
        assert_eq!(name, "DeletePortMappingResponse");
        assert_eq!(fields, HashMap::from([("D".to_owned(), nasty.to_owned())]));
    }

    #[test]
    fn characters_that_xml_cannot_carry_are_left_out() {
        assert_eq!(xml_text("a\u{1}b\u{0}c\td"), "abc\td");
    }

    #[test]
    fn what_is_not_a_call_is_refused() {
        let whole = body("<D>1</D>");
        for (header, body, code) in [
            ("", whole.as_str(), 401),
            ("\"urn:x\"", &whole, 401),
            ("\"urn:x#AddPortMapping\"", &whole, 402),
            (HEADER, "", 402),
            (HEADER, "not xml", 402),
            (HEADER, "<a><b>", 402),
            (HEADER, "<a></b>", 402),
            (HEADER, "</a>", 402),
            (HEADER, "<a/>", 402),
        ] {
            let refused = Call::read(header, body.as_bytes()).unwrap_err();
            assert_eq!(refused.code(), code, "{header} {body}");
        }
        assert_eq!(Call::read(HEADER, b"\xff\xfe"), Err(Fault::InvalidArgs));
        assert_eq!(read("<D>&unknown;</D>"), Err(Fault::InvalidArgs));
        let doctype = format!("<!DOCTYPE x [<!ENTITY e 'e'>]>{whole}");
        assert_eq!(
            Call::read(HEADER, doctype.as_bytes()),
            Err(Fault::InvalidArgs)
        );
    }

    #[test]
    fn long_and_many_arguments_are_refused() {
        let long = "x".repeat(MAX_ARGUMENT + 1);
        assert_eq!(read(&format!("<D>{long}</D>")), Err(Fault::ArgumentTooLong));
        let many = "<D>x</D>".repeat(MAX_ARGUMENTS + 1);
        assert_eq!(read(&many), Err(Fault::InvalidArgs));
    }

    #[test]
    fn a_fault_carries_code_and_name() {
        let xml = fault(Fault::Conflict);
        assert!(xml.contains("<errorCode>718</errorCode>"), "{xml}");
        assert!(
            xml.contains("<errorDescription>ConflictInMappingEntry</errorDescription>"),
            "{xml}"
        );
    }
}
