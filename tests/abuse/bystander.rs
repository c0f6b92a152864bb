//! Somebody who has logged in and looks at the page, while others mean ill.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use porthole_sim_router::Quirks;

use crate::people::{ask, await_answer, log_in, setup, url};
use crate::support::lab::{ADMIN_PASSWORD, Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed};

/// Looks at the page under each abuse.
const LOOKS: usize = 40;

/// A camera, behind a router or not, and the bystander's cookie for it.
pub(crate) struct Scene {
    pub(crate) camera: Camera,
    cookie: String,
    /// The same for somebody who looks from the Internet: a login counts where it was made.
    cookie_outside: String,
    testbed: Testbed,
}

impl Scene {
    /// A camera that asks for a password, unless `public`.
    pub(crate) fn new(public: bool) -> Self {
        let testbed = Testbed::without_router();
        let camera = setup(&testbed, 2)
            .set("router", "enabled", false)
            .set("auth", "public_view", public)
            .start();
        await_answer(&camera);
        let cookie = log_in(&url(&camera, ""), "admin", ADMIN_PASSWORD);
        let scene = Self {
            camera,
            cookie,
            cookie_outside: String::new(),
            testbed,
        };
        scene.look("/");
        scene
    }

    /// A camera that is the representative behind a router, and asks for a password.
    pub(crate) fn behind_a_router() -> Self {
        let testbed = Testbed::with(Quirks::igd2());
        let camera = setup(&testbed, 2).start();
        testbed.await_entry(REPRESENTATIVE_PORT, &camera);
        let cookie = log_in(&url(&camera, ""), "admin", ADMIN_PASSWORD);
        let outside = SocketAddrV4::new(testbed.address(1), REPRESENTATIVE_PORT);
        let cookie_outside = log_in(&format!("http://{outside}"), "admin", ADMIN_PASSWORD);
        Self {
            camera,
            cookie,
            cookie_outside,
            testbed,
        }
    }

    /// The camera's port on the Internet.
    pub(crate) fn outside(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.testbed.address(1), REPRESENTATIVE_PORT)
    }

    /// Whether the bystander gets the page from the Internet, too.
    #[track_caller]
    pub(crate) fn look_from_outside(&self) {
        let page = format!("http://{}/", self.outside());
        let answer = ask("GET", &page, &[("cookie", &self.cookie_outside)], "");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// How long it took the bystander to get this path, with a connection of its own.
    #[track_caller]
    pub(crate) fn look(&self, path: &str) -> Duration {
        let began = Instant::now();
        let answer = ask(
            "GET",
            &url(&self.camera, path),
            &[("cookie", &self.cookie)],
            "",
        );
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        began.elapsed()
    }

    /// The page comes each time while `abuse` is there; a row of the table in
    /// `docs/ref/reliability.md` is printed, and what comes after the abuse is as before it.
    #[track_caller]
    pub(crate) fn during<T>(&self, what: &str, abuse: T) {
        self.during_until(what, abuse, |_| true);
    }

    /// The same for an abuse that goes on until it is `enough`.
    #[track_caller]
    pub(crate) fn during_until<T>(&self, what: &str, abuse: T, enough: impl Fn(&T) -> bool) {
        let mut took = Vec::new();
        while took.len() < LOOKS || !enough(&abuse) {
            took.push(self.look("/"));
        }
        took.sort();
        let milliseconds = |took: Duration| took.as_secs_f64() * 1000.0;
        println!(
            "| {what} | {:.1} ms | {:.1} ms | {:.0} | {:.0} MiB |",
            milliseconds(took[took.len() / 2]),
            milliseconds(took[took.len() - 1]),
            self.metric("porthole_connections"),
            self.metric("process_resident_memory_bytes") / 1_048_576.0,
        );
        drop(abuse);
        eventually("all connections but this one are gone", PATIENCE, || {
            let open = self.camera.metric("porthole_connections")?;
            ensure(open < 3.0, open)
        });
        self.look("/snapshot.jpg");
    }

    /// The bystander's cookie, as a line of a request's head.
    pub(crate) fn cookie_header(&self) -> String {
        format!("Cookie: {}\r\n", self.cookie)
    }

    #[track_caller]
    pub(crate) fn metric(&self, series: &str) -> f64 {
        self.camera.metric(series).unwrap()
    }

    /// How many connections were ended, or refused, for this reason.
    #[track_caller]
    pub(crate) fn ended(&self, reason: &str) -> f64 {
        let series = format!("porthole_connections_ended_total{{reason=\"{reason}\"}}");
        self.metric(&series)
    }
}
