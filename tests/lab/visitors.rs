//! What is closed to the Internet stays closed, however it is asked for.

use crate::household::cameras;
use crate::support::lab::{Lab, LabConfig};

#[test]
fn without_leave_nobody_outside_sees_anything_and_the_lan_sees_all() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 1, |setup| setup.set("auth", "public_view", false));
    fleet[0].await_office();
    let (outside, inside) = (lab.outside(), lab.inside());
    for path in [
        "/",
        "/camera",
        "/stream.mjpg",
        "/snapshot.jpg",
        "/?action=stream",
        "/api/v1/status",
    ] {
        let answer = outside
            .get(&format!("{}{path}", lab.external_url(8080)))
            .unwrap();
        assert_eq!(answer.status, 403, "{path} from outside");
        assert!(
            answer.text().contains("auth.public_view"),
            "{}",
            answer.text()
        );
    }
    for path in ["/", "/camera", "/snapshot.jpg", "/api/v1/status"] {
        let answer = inside
            .get(&format!("http://{}:8080{path}", fleet[0].address()))
            .unwrap();
        assert_eq!(answer.status, 200, "{path} on the LAN");
    }
}

#[test]
fn metrics_and_debugging_are_for_the_lan_even_where_anybody_may_watch() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 1, |setup| setup);
    fleet[0].await_office();
    let (outside, inside) = (lab.outside(), lab.inside());
    let external = lab.external_url(8080);
    let lan = format!("http://{}:8080", fleet[0].address());
    assert_eq!(
        outside.get(&format!("{external}/metrics")).unwrap().status,
        403
    );
    assert_eq!(inside.get(&format!("{lan}/metrics")).unwrap().status, 200);
    for path in ["/api/v1/debug/crash/drive", "/api/v1/drive"] {
        let answer = outside.post(&format!("{external}{path}")).unwrap();
        assert_eq!(answer.status, 403, "{path} from outside");
    }
    let restarts = "porthole_actor_restarts_total{actor=\"drive\"}";
    assert_eq!(
        fleet[0].metric(restarts),
        Ok(0.0),
        "a stranger made an actor panic"
    );
}
