//! The page before a link that leads to somebody who has not shown to be a camera of this site.

use askama::Template;

use super::WebUrl;

/// Everything on the page at `/leave`.
#[derive(Clone, Debug)]
pub struct LeavePage {
    /// What the router's table, or mDNS, calls it. Untrusted text.
    pub name: String,
    /// Where the link leads.
    pub url: WebUrl,
    /// Whether the client's cookie goes there, too: it is on the host that the client speaks to,
    /// and cookies do not look at ports.
    pub gets_cookie: bool,
}

#[derive(Template)]
#[template(path = "leave.html")]
struct LeaveTemplate<'a> {
    page: &'a LeavePage,
}

/// The page as HTML.
///
/// # Errors
/// When formatting fails, which a `String` as the target rules out in practice.
pub fn leave(page: &LeavePage) -> Result<String, askama::Error> {
    LeaveTemplate { page }.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_the_link_leads_and_what_goes_there() {
        let page = LeavePage {
            name: "<b>Garage</b>".to_owned(),
            url: "http://60.120.76.64:8099/".parse().unwrap(),
            gets_cookie: true,
        };
        let html = leave(&page).unwrap();
        let link = "<a href=\"http://60.120.76.64:8099/\" rel=\"noreferrer noopener\">\
                    http://60.120.76.64:8099/</a>";
        assert!(html.contains(link), "{html}");
        assert!(html.contains("&#60;b&#62;Garage"), "{html}");
        assert!(html.contains("action=\"/logout\""), "{html}");
        assert!(!html.contains("<script") && !html.contains("<img src=\"http"));
        let elsewhere = LeavePage {
            gets_cookie: false,
            ..page
        };
        assert!(!leave(&elsewhere).unwrap().contains("action=\"/logout\""));
    }
}
