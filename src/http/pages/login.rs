//! The login page. It is open to anybody, so it says nothing about cameras, names or the router.

use askama::Template;

use crate::auth::{Access, LoginScope};

/// Everything on the page at `/login`.
#[derive(Clone, Debug)]
pub struct LoginPage {
    /// What went wrong, as a sentence.
    pub words: Option<String>,
    /// Where to go afterwards: a path of this server.
    pub next: String,
    /// Which user is chosen.
    pub user: Access,
    /// What the client is logged in as already.
    pub logged_in: Option<Access>,
    /// How far a login carries.
    pub reach: LoginScope,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginTemplate<'a> {
    page: &'a LoginPage,
}

/// The login page as HTML.
///
/// # Errors
/// When formatting fails, which a `String` as the target rules out in practice.
pub fn login(page: &LoginPage) -> Result<String, askama::Error> {
    LoginTemplate { page }.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> LoginPage {
        LoginPage {
            words: None,
            next: "/camera?a=b&c".to_owned(),
            user: Access::Viewer,
            logged_in: None,
            reach: LoginScope::Site,
        }
    }

    #[test]
    fn the_form_has_the_users_the_password_and_the_way_back() {
        let html = login(&page()).unwrap();
        assert!(html.contains("<form class=\"login\" method=\"post\" action=\"login\">"));
        assert!(
            html.contains("name=\"next\" value=\"/camera?a=b&#38;c\""),
            "{html}"
        );
        assert!(html.contains("value=\"viewer\" checked"), "{html}");
        assert!(html.contains("autocomplete=\"current-password\""));
        assert!(!html.contains("action=\"logout\"") && !html.contains("role=\"alert\""));
        assert!(!html.contains("<script") && !html.contains("<style") && !html.contains(" style="));
    }

    #[test]
    fn it_says_what_went_wrong_who_is_in_and_how_far_it_carries() {
        let html = login(&LoginPage {
            words: Some("User name or password is <wrong>.".to_owned()),
            logged_in: Some(Access::Viewer),
            reach: LoginScope::ThisCamera,
            ..page()
        });
        let html = html.unwrap();
        assert!(
            html.contains("role=\"alert\">User name or password is &#60;wrong&#62;.</p>"),
            "{html}"
        );
        assert!(
            html.contains("logged in as <strong>viewer</strong>"),
            "{html}"
        );
        assert!(html.contains("action=\"logout\""));
        assert!(html.contains("site.key"), "{html}");
    }
}
