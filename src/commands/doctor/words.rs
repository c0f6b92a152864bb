//! How doctor says things.

use crate::shared::RouterTrait;

/// Something that the router does unlike others, and what to do about it.
pub(super) fn tell(quirk: &RouterTrait) {
    println!("  {}: {}", quirk.name, quirk.told());
}

/// The error's text with a full stop, unless it ends a sentence already.
pub(super) fn sentence(error: &porthole_gateway::Error) -> String {
    let text = error.to_string();
    if text.ends_with(['.', '?', '!']) {
        text
    } else {
        format!("{text}.")
    }
}
