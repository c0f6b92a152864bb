//! A small, tolerant XML tree for what routers send.
//!
//! Namespaces are ignored, names compare without case, wrong end tags and bare ampersands are put
//! up with, entities other than XML's own five are left as they stand (so nothing expands), and a
//! document that breaks off keeps what was read before. Depth and size are bounded.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

/// Deeper than any UPnP document; also bounds the recursion of the searches below.
const MAX_DEPTH: usize = 32;

/// 256 mappings of ten elements each, three times over.
const MAX_ELEMENTS: usize = 8_192;

/// One element: its local name, the text directly inside, the elements directly inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The name without its namespace prefix.
    pub name: String,
    /// The text directly inside, unescaped, not trimmed.
    pub text: String,
    /// The elements directly inside, in order.
    pub children: Vec<Element>,
}

/// A document, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// A nameless element that holds the outermost one.
    pub root: Element,
    /// What stopped the reading before the end, if anything did.
    pub damage: Option<String>,
}

impl Element {
    /// The first element of this name inside, at any depth, in document order.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find_map(|child| {
            if child.is(name) {
                Some(child)
            } else {
                child.find(name)
            }
        })
    }

    /// Every element of this name inside, at any depth, in document order.
    #[must_use]
    pub fn find_all(&self, name: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        self.collect(name, &mut found);
        found
    }

    fn collect<'a>(&'a self, name: &str, found: &mut Vec<&'a Element>) {
        for child in &self.children {
            if child.is(name) {
                found.push(child);
            }
            child.collect(name, found);
        }
    }

    /// The trimmed text of the first element of this name inside; missing and empty are told apart.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|element| element.text.trim())
    }

    /// The trimmed text of an element directly inside.
    #[must_use]
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.children
            .iter()
            .find(|child| child.is(name))
            .map(|child| child.text.trim())
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Read a document. Never fails: see [`Document::damage`].
#[must_use]
pub fn read(text: &str) -> Document {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;

    // The open elements, outermost first; the first is the nameless root and is never closed.
    let mut open = vec![Element::default()];
    let mut elements = 0;
    let damage = loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                break Some(format!(
                    "not XML after byte {}: {error}",
                    reader.error_position()
                ));
            }
        };
        match event {
            Event::Start(start) => {
                elements += 1;
                if open.len() > MAX_DEPTH {
                    break Some(format!("more than {MAX_DEPTH} levels deep"));
                }
                if elements > MAX_ELEMENTS {
                    break Some(format!("more than {MAX_ELEMENTS} elements"));
                }
                open.push(named(start.local_name().as_ref()));
            }
            Event::Empty(start) => {
                elements += 1;
                if open.len() > MAX_DEPTH {
                    break Some(format!("more than {MAX_DEPTH} levels deep"));
                }
                if elements > MAX_ELEMENTS {
                    break Some(format!("more than {MAX_ELEMENTS} elements"));
                }
                if let Some(parent) = open.last_mut() {
                    parent.children.push(named(start.local_name().as_ref()));
                }
            }
            Event::End(end) => {
                let name = end.local_name();
                // An end tag closes the innermost open element of its name and whatever was left
                // open in it; one that closes nothing is ignored.
                if let Some(at) = open
                    .iter()
                    .skip(1)
                    .rposition(|element| element.is(name.as_ref()))
                {
                    close_down_to(&mut open, at + 1);
                }
            }
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::CData(text) => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(c)) => append(&mut open, c.encode_utf8(&mut [0; 4])),
                Ok(None) => {
                    let name = reference.xml10_content();
                    match resolve_xml_entity(&name) {
                        Some(text) => append(&mut open, text),
                        None => append(&mut open, &format!("&{name};")),
                    }
                }
                // A reference to a character that does not exist stands for nothing.
                Err(_) => {}
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break (open.len() > 1).then(|| "it breaks off".to_owned()),
        }
    };
    close_down_to(&mut open, 1);
    Document {
        root: open.pop().unwrap_or_default(),
        damage,
    }
}

/// Close open elements until so many are left open.
fn close_down_to(open: &mut Vec<Element>, left: usize) {
    while open.len() > left {
        if let (Some(element), Some(parent)) = (open.pop(), open.last_mut()) {
            parent.children.push(element);
        }
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn named(name: &str) -> Element {
    Element {
        name: name.to_owned(),
        ..Element::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn depth(element: &Element) -> usize {
        1 + element.children.iter().map(depth).max().unwrap_or(0)
    }

    #[test]
    fn prefixes_case_cdata_and_character_references_are_seen_through() {
        let document =
            read("<a:X xmlns:a='u'><b:Y>1 &lt; 2 &#x41;<![CDATA[<raw>]]> &copy; &</b:Y></a:X>");
        assert_eq!(document.damage, None);
        assert_eq!(document.root.text_of("y"), Some("1 < 2 A<raw> &copy; &"));
    }

    #[test]
    fn what_was_read_before_a_break_is_kept() {
        let document = read("<a><b>1</b><c>2");
        assert_eq!(document.root.text_of("b"), Some("1"));
        assert_eq!(document.root.text_of("c"), Some("2"));
        assert!(document.damage.is_some());
    }

    #[test]
    fn a_wrong_end_tag_closes_the_innermost_of_its_name_or_nothing() {
        let document = read("<a><b>1</x></b><c><d>2</c><e>3</e></a>");
        assert_eq!(document.root.text_of("b"), Some("1"));
        assert_eq!(document.root.children[0].child_text("e"), Some("3"));
    }

    #[test]
    fn no_depth_and_no_number_of_elements_hurts() {
        let deep = read(&"<a>".repeat(1_000_000));
        assert!(deep.damage.unwrap().contains("levels"));
        assert!(depth(&deep.root) <= MAX_DEPTH + 1);
        // At the very bottom, one that opens and closes at once.
        let bottom = read(&("<a>".repeat(MAX_DEPTH) + "<b/>"));
        assert!(bottom.damage.unwrap().contains("levels"));
        assert_eq!(depth(&bottom.root), MAX_DEPTH + 1);
        let wide = read(&"<a/>".repeat(100_000));
        assert!(wide.damage.unwrap().contains("elements"));
        assert_eq!(wide.root.children.len(), MAX_ELEMENTS);
    }

    #[test]
    fn an_entity_bomb_expands_to_nothing() {
        let document = read("<!DOCTYPE a [<!ENTITY x 'boom'><!ENTITY y '&x;&x;&x;'>]><a>&y;</a>");
        assert_eq!(document.root.text_of("a"), Some("&y;"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_go_deep(text in any::<String>()) {
            prop_assert!(depth(&read(&text).root) <= MAX_DEPTH + 1);
        }

        #[test]
        fn no_jumble_of_markup_makes_it_panic_or_go_deep(
            pieces in proptest::collection::vec(
                prop::sample::select(vec![
                    "<a>", "</a>", "<b:c x='1'>", "</b:c>", "<d/>", "<", ">", "&", "&lt;", "&#0;",
                    "&#x110000;", "<![CDATA[", "]]>", "<!--", "-->", "<?xml ?>", "<!DOCTYPE",
                    "text", "\u{0}", "é", "'", "\"",
                ]),
                0..200,
            ),
        ) {
            prop_assert!(depth(&read(&pieces.concat()).root) <= MAX_DEPTH + 1);
        }
    }
}
