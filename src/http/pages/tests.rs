use std::time::{Duration, SystemTime};

use super::*;
use crate::auth::{Access, LoginScope};
use crate::lan::ClientNetwork;
use crate::shared::{CameraRef, LeadershipView, Reason, Successor};
use porthole_election::{Cause, ClaimStage};
use porthole_types::{InstanceId, Term};

fn tile(number: u16, name: &str) -> Tile {
    Tile {
        id: Some(InstanceId(u64::from(number))),
        name: name.to_owned(),
        label: None,
        url: Some(url(&format!("http://60.120.76.64:{}/", 8079 + number))),
        page_path: None,
        still: Some(format!(
            "http://60.120.76.64:{}/snapshot.jpg",
            8079 + number
        )),
        state: TileState::Live,
        detail: "1280×720, 30/s, 2 viewers".to_owned(),
        is_representative: false,
        is_verified: true,
        silent_for: None,
    }
}

fn url(text: &str) -> WebUrl {
    text.parse().unwrap()
}

fn page(others: Vec<Tile>) -> FleetPage {
    FleetPage {
        me: Tile {
            is_representative: true,
            ..tile(1, "server 1")
        },
        others,
        layout: layout(),
    }
}

fn layout() -> PageLayout {
    PageLayout {
        leadership: held(mine(), None, Reason::default()),
        notices: Vec::new(),
        router_line: "Router at 192.168.77.1".to_owned(),
        access: Some(Access::Admin),
        reach: LoginScope::Site,
        demo: None,
    }
}

fn link(name: &str, url: Option<&str>) -> CameraRef {
    CameraRef {
        url: url.map(str::to_owned),
        ..CameraRef::new(Some(InstanceId(9)), name.to_owned())
    }
}

/// The camera that serves the page.
fn mine() -> CameraRef {
    CameraRef::new(Some(InstanceId(1)), "server 1".to_owned())
}

fn line(view: Option<LeadershipView>, why_unknown: &str) -> LeadershipLine {
    LeadershipLine {
        me: InstanceId(1),
        view,
        why_unknown: why_unknown.to_owned(),
    }
}

fn held(by: CameraRef, since: Option<SystemTime>, reason: Reason) -> LeadershipLine {
    let view = LeadershipView::Held {
        by,
        term: Term(1),
        since,
        reason,
        words: String::new(),
    };
    line(Some(view), "")
}

fn vacant(words: &str, deputy: Option<CameraRef>) -> LeadershipLine {
    let view = LeadershipView::Vacant {
        term: Term(1),
        reason: Reason::default(),
        previous: None,
        successor: deputy.map(|camera| Successor {
            camera,
            stage: ClaimStage::Deputy { port: None },
        }),
        words: words.to_owned(),
    };
    line(Some(view), "")
}

/// The other pages of the camera that serves this one.
fn lone(page: &FleetPage) -> (CameraPage, SettingsPage) {
    let lone = CameraPage {
        camera: page.me.clone(),
        representative: None,
        layout: page.layout.clone(),
    };
    let settings = SettingsPage {
        camera: page.me.clone(),
        client_network: ClientNetwork::Lan,
        layout: page.layout.clone(),
    };
    (lone, settings)
}

/// All pages of one server as HTML.
fn all(page: &FleetPage) -> [String; 3] {
    let (lone, own) = lone(page);
    [
        fleet(page).unwrap(),
        camera(&lone).unwrap(),
        settings(&own).unwrap(),
    ]
}

/// What a person sees at first: the page without the prototype that only its script uses.
fn seen(page: &FleetPage) -> String {
    let html = fleet(page).unwrap();
    let (before, rest) = html.split_once("<template").unwrap();
    let (_, after) = rest.split_once("</template>").unwrap();
    format!("{before}{after}")
}

/// The values of an attribute, in the order of the page.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    let rest = html.split(&opening).skip(1);
    rest.map(|text| text.split('"').next().unwrap()).collect()
}

#[test]
fn the_others_are_linked_by_name_with_their_external_addresses_as_in_figure_6() {
    let html = seen(&page(vec![tile(2, "server 2"), tile(3, "server 3")]));
    for (name, address) in [
        ("server 2", "http://60.120.76.64:8081/"),
        ("server 3", "http://60.120.76.64:8082/"),
    ] {
        assert!(
            html.contains(&format!("<a href=\"{address}\"><bdi>{name}</bdi></a>")),
            "{html}"
        );
        assert!(html.contains(&format!("<p class=\"address\">{address}</p>")));
        assert!(html.contains(&format!("src=\"{address}snapshot.jpg\"")));
    }
    assert!(html.contains("<img src=\"stream.mjpg\" alt=\"Live picture of server 1\""));
}

#[test]
fn a_camera_without_a_way_there_is_listed_by_name_without_link_or_picture() {
    let mut other = tile(2, "Cellar");
    other.url = None;
    other.still = None;
    let html = seen(&page(vec![other, tile(3, "server 3")]));
    let (_, tiles) = html.split_once("id=\"tiles\"").unwrap();
    let (unreached, reached) = tiles.split_once("</li>").unwrap();
    assert!(
        unreached.contains("<a><bdi>Cellar</bdi></a>"),
        "{unreached}"
    );
    assert_eq!(values(unreached, "src"), [""; 0]);
    assert_eq!(values(unreached, "data-url"), [""]);
    let sentence = "<p class=\"unreached\">Not reachable from outside yet</p>";
    assert!(unreached.contains(sentence), "{unreached}");
    assert!(!reached.contains(sentence), "{reached}");
}

#[test]
fn a_representative_without_a_way_there_is_named_all_the_same() {
    let mut page = page(Vec::new());
    page.layout.leadership = held(link("Front door", None), None, Reason::default());
    let html = seen(&page);
    assert!(
        html.contains("<a><bdi>Front door</bdi></a> is the representative"),
        "{html}"
    );
}

#[test]
fn without_others_the_page_has_no_camera_links_and_says_what_to_do() {
    let html = seen(&page(Vec::new()));
    for href in values(&html, "href") {
        assert!(!href.contains(':') && !href.starts_with("//"), "{href}");
    }
    assert!(html.contains("<div class=\"hint\" id=\"alone\">"));
    let html = seen(&page(vec![tile(2, "server 2")]));
    assert!(html.contains("<div class=\"hint\" id=\"alone\" hidden>"));
}

#[test]
fn hostile_text_stays_text_wherever_it_is_shown() {
    let hostile = "<script>alert(1)</script>\" onload=\"alert(2)' & {{ 7*7 }}";
    let mut page = page(vec![tile(2, hostile)]);
    page.me.name = hostile.to_owned();
    page.me.detail = hostile.to_owned();
    page.others[0].detail = hostile.to_owned();
    page.others[0].label = Some(hostile.to_owned());
    page.layout.router_line = hostile.to_owned();
    page.layout.notices = vec![Notice {
        level: Level::Warning,
        text: hostile.to_owned(),
    }];
    let lines = [
        line(None, hostile),
        held(
            link(hostile, Some("http://60.120.76.64:8080/")),
            None,
            Reason::default(),
        ),
        vacant(
            hostile,
            Some(link(hostile, Some("http://60.120.76.64:8081/"))),
        ),
    ];
    for leadership in lines {
        page.layout.leadership = leadership;
        for html in all(&page) {
            // The page's own script is the only one, and no attribute was opened by the name.
            assert_eq!(html.matches("<script").count(), 1, "{html}");
            assert!(values(&html, "onload").is_empty(), "{html}");
            assert!(html.contains("&#60;script&#62;alert(1)"), "{html}");
            assert!(html.contains("{{ 7*7 }}"));
            // Single quotes and ampersands too, whatever quotes a template uses.
            assert!(!html.contains("alert(2)'"), "{html}");
        }
    }
}

#[test]
fn a_member_links_the_representative_and_an_alone_server_says_why() {
    let mut page = page(vec![tile(2, "server 2")]);
    page.layout.leadership = held(
        link("Front door", Some("http://60.120.76.64:8080/")),
        None,
        Cause::Withdrawal.into(),
    );
    let html = seen(&page);
    let member = "<p data-standing=\"member\"><a href=\"http://60.120.76.64:8080/\">\
                  <bdi>Front door</bdi></a> is the representative";
    assert!(html.contains(member), "{html}");
    let because =
        "<span class=\"because\">, because <span>the one before withdrew</span></span></p>";
    assert!(html.contains(because), "{html}");
    assert!(html.contains("<p data-standing=\"alone\" hidden>"));
    page.layout.leadership = line(None, "No router answers.");
    let html = seen(&page);
    assert!(
        html.contains("<p data-standing=\"alone\"><span class=\"why\">No router answers.</span>"),
        "{html}"
    );
    assert!(html.contains("<p data-standing=\"member\" hidden>"));
}

#[test]
fn during_a_vacancy_every_page_says_so_and_leads_to_the_deputy() {
    let words = "No camera answers for all now: the one before did not answer.";
    let front = link("Front door", Some("http://60.120.76.64:8081/"));
    for (deputy, link) in [
        (
            Some(front),
            "<a class=\"deputy\" href=\"http://60.120.76.64:8081/\">Open <bdi>Front door</bdi></a>",
        ),
        (None, "<a class=\"deputy\" hidden>Open <bdi></bdi></a>"),
    ] {
        let mut page = page(Vec::new());
        page.layout.leadership = vacant(words, deputy);
        for html in all(&page) {
            let paragraph = format!(
                "<p data-standing=\"vacant\"><span class=\"words\">{words}</span> {link}</p>"
            );
            assert!(html.contains(&paragraph), "{html}");
        }
    }
}

#[test]
fn the_time_of_becoming_representative_is_shown_unless_the_clock_is_absurd() {
    let mut page = page(Vec::new());
    let mut shown = |since| {
        page.layout.leadership = held(mine(), Some(since), Reason::default());
        seen(&page).contains("<time datetime=")
    };
    let epoch = SystemTime::UNIX_EPOCH;
    assert!(shown(epoch + Duration::from_secs(1_700_000_000)));
    assert!(!shown(epoch - Duration::from_secs(1)));
    assert!(!shown(epoch + Duration::from_hours(70_389_528)));
}

#[test]
fn only_what_holds_of_a_camera_is_marked() {
    let mut other = tile(2, "server 2");
    other.is_verified = false;
    other.id = None;
    other.state = TileState::Failed;
    let html = seen(&page(vec![other]));
    let (mine, tiles) = html.split_once("id=\"tiles\"").unwrap();
    assert!(mine.contains("<span class=\"badge representative\">"));
    assert!(tiles.contains("<span class=\"badge representative\" hidden>"));
    assert!(tiles.contains("data-id=\"\""));
    assert!(tiles.contains("data-state=\"failed\""));
    let unverified = |part: &str| {
        let (_, badge) = part.split_once("badge unverified").unwrap();
        !badge.split('>').next().unwrap().ends_with("hidden")
    };
    assert!(!unverified(mine));
    assert!(unverified(tiles));
}

#[test]
fn the_demo_bar_is_on_the_page_only_in_the_demo() {
    let mut page = page(Vec::new());
    assert!(!seen(&page).contains("pull-the-plug"));
    page.layout.demo = Some(url("http://127.0.0.1:9000/unplug"));
    let html = seen(&page);
    assert!(html.contains(" data-demo=\"http://127.0.0.1:9000/unplug\">"));
    assert!(html.contains("id=\"pull-the-plug\""));
}

#[test]
fn the_camera_page_leads_back_to_all_cameras() {
    let (mut page, _) = lone(&page(Vec::new()));
    assert!(
        camera(&page)
            .unwrap()
            .contains("<a id=\"back\" href=\"./\">All cameras</a>")
    );
    page.representative = Some("http://60.120.76.64:8080/".to_owned());
    let html = camera(&page).unwrap();
    assert!(html.contains("<a id=\"back\" href=\"http://60.120.76.64:8080/\">All cameras</a>"));
    assert!(html.contains("1280×720, 30/s, 2 viewers"));
}

#[test]
fn no_page_needs_an_inline_script_or_style() {
    for html in all(&page(vec![tile(2, "server 2")])) {
        assert!(!html.contains("<style") && !html.contains(" style="));
        assert!(
            !html.contains("<script>") && html.contains("<script type=\"module\" src=\"static/")
        );
    }
}

#[test]
fn a_name_leads_through_this_camera_where_that_carries_the_login_and_the_address_is_shown() {
    let mut other = tile(2, "Gate");
    other.page_path = Some("/visit/0000000000000002".to_owned());
    other.still = Some("http://60.120.76.64:8081/snapshot.jpg?ticket=a.b".to_owned());
    let html = seen(&page(vec![other]));
    assert!(html.contains("<a href=\"/visit/0000000000000002\"><bdi>Gate</bdi></a>"));
    assert!(html.contains("src=\"http://60.120.76.64:8081/snapshot.jpg?ticket=a.b\""));
    assert!(html.contains("<p class=\"address\">http://60.120.76.64:8081/</p>"));
}

#[test]
fn cameras_of_one_name_carry_what_tells_them_apart_and_the_others_nothing() {
    let mut namesake = tile(2, "Garden");
    namesake.label = Some("port 8081".to_owned());
    let html = seen(&page(vec![namesake, tile(3, "Gate")]));
    assert!(html.contains("<bdi>Garden</bdi></a></h3>\n<span class=\"label\">port 8081</span>"));
    assert!(html.contains("<bdi>Gate</bdi></a></h3>\n<span class=\"label\" hidden></span>"));
}

#[test]
fn a_camera_that_fades_says_how_long_it_has_been_silent() {
    let mut fading = tile(2, "Garden");
    fading.silent_for = Some(Duration::from_millis(9_900));
    let html = seen(&page(vec![fading]));
    assert!(html.contains("data-presence=\"fading\""));
    assert!(html.contains("<p class=\"silent\">Last heard <span class=\"ago\">9</span> s ago</p>"));
    let html = seen(&page(vec![tile(2, "Garden")]));
    assert!(!html.contains("<p class=\"silent\">"));
}

#[test]
fn a_crowd_gets_a_filter_and_no_picture_before_its_tile_is_seen() {
    let few = seen(&page((2..13).map(|n| tile(n, "server")).collect()));
    let many = seen(&page((2..14).map(|n| tile(n, "server")).collect()));
    assert!(few.contains("id=\"filter\" hidden") && few.contains(":8081/snapshot.jpg"));
    assert!(many.contains("id=\"filter\">") && !many.contains("snapshot.jpg"));
}

#[test]
fn who_may_not_change_anything_is_told_so_and_is_shown_no_control_that_works() {
    for (access, login) in [(None, "Log in"), (Some(Access::Viewer), "Log in as admin")] {
        let mut page = page(vec![tile(2, "server 2")]);
        page.layout.access = access;
        let [fleet, camera, settings] = all(&page);
        let link = format!("<a class=\"login\" href=\"login\">{login}</a>");
        for html in [&fleet, &camera, &settings] {
            assert!(html.contains(&link), "{access:?}: {html}");
        }
        let buttons = fleet
            .matches("<button type=\"button\" class=\"rename\"")
            .count();
        let hidden = fleet.matches("aria-haspopup=\"dialog\" hidden>").count();
        assert_eq!(
            (buttons, hidden),
            (3, 3),
            "this one, the other, the prototype"
        );
        assert!(settings.contains("Only an admin can change something here"));
        let fieldsets = settings.matches("<fieldset").count();
        assert_eq!(settings.matches("<fieldset disabled").count(), fieldsets);
        assert!(!settings.contains("type=\"password\""));
    }
    let [fleet, _, settings] = all(&page(vec![tile(2, "server 2")]));
    assert!(!fleet.contains("href=\"login\">Log in<"));
    assert!(fleet.contains("aria-label=\"Rename server 2\" aria-haspopup=\"dialog\">"));
    assert!(!settings.contains("<fieldset disabled"));
    assert_eq!(settings.matches("type=\"password\"").count(), 3);
}

#[test]
fn every_input_has_a_label_and_what_describes_it_is_on_the_page() {
    for html in all(&page(vec![tile(2, "server 2")])) {
        let ids = values(&html, "id");
        for named in ["for", "aria-describedby", "aria-labelledby"] {
            for list in values(&html, named) {
                for id in list.split(' ') {
                    assert!(ids.contains(&id), "{named}={id} leads nowhere");
                }
            }
        }
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{ids:?}");
    }
}
