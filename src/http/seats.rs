//! [`Seats`]: who may have pictures, and who may listen to events.
//!
//! There are as many as the camera serves well. One address has but its share of them, some are
//! kept for the LAN and for admins, and when there are none left an admin has the seat of whoever
//! is worth less: the connection of that one is ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::rt::task::JoinHandle;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest};
use tokio_util::sync::CancellationToken;

use super::access::{Caller, Credential};
use super::client_address::client_address;
use super::client_network::{client_network, network_of};
use super::open_connection::OpenConnection;
use super::places::{NoPlace, Places, Rank, as_gauge};
use super::{App, Problem};
use crate::auth::{Access, unix_now};
use crate::lan::ClientNetwork;
use crate::metrics::{SeatKind, SeatLoss};
use crate::site::AuthState;

/// Seats of each kind.
pub const SEATS: usize = 64;

/// Of one address.
pub const SEATS_OF_ONE_ADDRESS: usize = 16;

/// Seats that only clients on the LAN and admins have.
const KEPT_FROM_OUTSIDE: usize = 16;

/// Seats that only admins have.
const KEPT_FOR_ADMINS: usize = 4;

/// When to try again, in seconds.
const RETRY_AFTER: u64 = 5;

/// Who wants a seat, from who goes first to who goes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeatRank {
    /// Outside, and shows no login.
    Stranger,
    /// Outside, logged in as viewer.
    Viewer,
    /// On the LAN, and no admin.
    Neighbour,
    /// Logged in as admin, on any network.
    Admin,
}

impl Rank for SeatRank {
    fn most(self, all: usize) -> usize {
        all.saturating_sub(match self {
            Self::Stranger | Self::Viewer => KEPT_FROM_OUTSIDE,
            Self::Neighbour => KEPT_FOR_ADMINS,
            Self::Admin => 0,
        })
    }

    fn shares_with(self, other: Self) -> bool {
        match self {
            Self::Stranger | Self::Viewer => other <= Self::Viewer,
            Self::Neighbour | Self::Admin => other <= self,
        }
    }

    /// Whoever watches is not interrupted by somebody who might as well wait.
    fn yields_to_equals(self) -> bool {
        false
    }
}

/// The seats of the process.
pub struct Seats([Arc<Kind>; 2]);

struct Kind {
    kind: SeatKind,
    taken: Mutex<Taken>,
}

struct Taken {
    places: Places<SeatRank>,
    /// The connections of those who have one.
    ends: BTreeMap<u64, CancellationToken>,
}

/// A seat, until it is dropped.
pub struct Seat {
    kind: Arc<Kind>,
    place: u64,
    app: Data<App>,
    /// Ends the connection when the login ends.
    watch: JoinHandle<()>,
}

impl Seats {
    /// All are free.
    pub fn new() -> Self {
        let kind = |kind| {
            Arc::new(Kind {
                kind,
                taken: Mutex::new(Taken {
                    places: Places::new(SEATS, SEATS_OF_ONE_ADDRESS),
                    ends: BTreeMap::new(),
                }),
            })
        };
        Self([kind(SeatKind::Pictures), kind(SeatKind::Events)])
    }

    fn of(&self, kind: SeatKind) -> &Arc<Kind> {
        let [pictures, events] = &self.0;
        match kind {
            SeatKind::Pictures => pictures,
            SeatKind::Events => events,
        }
    }
}

/// A seat for whoever sends this request; none where there are no connections to count, in tests of
/// a handler alone.
///
/// # Errors
/// 503: there is none, and nobody who gives way.
pub fn take_seat(request: &HttpRequest, kind: SeatKind) -> Result<Option<Seat>, Problem> {
    let (Some(connection), Some(app), Some(seats)) = (
        OpenConnection::of(request),
        request.app_data::<Data<App>>().cloned(),
        request.app_data::<Data<Seats>>(),
    ) else {
        return Ok(None);
    };
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.unwrap_or_default();
    let login = caller.logged_in();
    let rank = match (login, client_network(request, &app)) {
        (Some(Access::Admin), _) => SeatRank::Admin,
        (_, ClientNetwork::Lan) => SeatRank::Neighbour,
        (Some(Access::Viewer), ClientNetwork::Outside) => SeatRank::Viewer,
        (None, ClientNetwork::Outside) => SeatRank::Stranger,
    };
    let telling = network_of(client_address(request), &app.shared).telling;
    let kind = seats.of(kind);
    let mut taken = kind.lock();
    let lost = &app.shared.metrics.seats_lost_total;
    let admitted = match taken.places.admit(telling, rank) {
        Ok(admitted) => admitted,
        Err(why) => {
            lost.of((kind.kind, SeatLoss::Refused)).inc();
            return Err(no_seat(kind.kind, why));
        }
    };
    if let Some(displaced) = admitted.displaced {
        lost.of((kind.kind, SeatLoss::Displaced)).inc();
        if let Some(end) = taken.ends.remove(&displaced) {
            end.cancel();
        }
    }
    taken.ends.insert(admitted.place, connection.end().clone());
    count(kind.kind, &taken, &app);
    drop(taken);
    let watch = end_with_login(&app, caller.credential, connection.end().clone());
    Ok(Some(Seat {
        kind: Arc::clone(kind),
        place: admitted.place,
        app,
        watch: actix_web::rt::spawn(watch),
    }))
}

/// Ends the connection as soon as what was shown for it counts no more: new passwords and log-outs
/// end what is under way, too.
fn end_with_login(
    app: &App,
    credential: Credential,
    end: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let mut changes = app.shared.auth_state.watch();
    let begun_under = changes.borrow_and_update().generation();
    let counts = move |known: &AuthState| match &credential {
        Credential::Nothing | Credential::PublicView => true,
        Credential::Session(claims) | Credential::Bearer(claims) => {
            claims.check(unix_now(), known).is_ok()
        }
        Credential::Password(_) | Credential::Ticket => known.generation() == begun_under,
    };
    async move {
        while changes.changed().await.is_ok() {
            if !counts(&changes.borrow_and_update()) {
                end.cancel();
                return;
            }
        }
    }
}

fn no_seat(kind: SeatKind, why: NoPlace) -> Problem {
    let does = match kind {
        SeatKind::Pictures => "watch",
        SeatKind::Events => "listen",
    };
    let detail = match why {
        NoPlace::OfAddress => format!(
            "{SEATS_OF_ONE_ADDRESS} {does} from your address already, which is as many as may; \
             try again later"
        ),
        NoPlace::OfAll => format!("as many {does} already as may; try again later"),
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(RETRY_AFTER)
}

fn count(kind: SeatKind, taken: &Taken, app: &App) {
    let seats = app.shared.metrics.seats.of(kind);
    seats.set(as_gauge(taken.places.taken()));
}

impl Kind {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Places and ends stand each for itself: a panic leaves nothing half said.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.watch.abort();
        let mut taken = self.kind.lock();
        taken.places.leave(self.place);
        taken.ends.remove(&self.place);
        count(self.kind.kind, &taken, &self.app);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SeatRank::{Admin, Neighbour, Stranger, Viewer};
    use std::net::IpAddr;

    fn full_of(rank: SeatRank) -> Places<SeatRank> {
        let mut places = Places::new(SEATS, SEATS_OF_ONE_ADDRESS);
        let addresses = (0..=255).map(|number| IpAddr::from([192, 0, 2, number]));
        for address in addresses {
            if places.admit(Some(address), rank).is_err() {
                break;
            }
        }
        places
    }

    fn admitted(places: &mut Places<SeatRank>, rank: SeatRank) -> Result<Option<u64>, NoPlace> {
        let address = Some(IpAddr::from([198, 51, 100, 1]));
        places.admit(address, rank).map(|it| it.displaced)
    }

    #[test]
    fn strangers_leave_seats_to_the_lan_and_the_lan_to_admins() {
        let mut strangers = full_of(Stranger);
        assert_eq!(strangers.taken(), SEATS - KEPT_FROM_OUTSIDE);
        assert_eq!(admitted(&mut strangers, Stranger), Err(NoPlace::OfAll));
        assert_eq!(admitted(&mut strangers, Neighbour), Ok(None));
        assert_eq!(admitted(&mut strangers, Admin), Ok(None));
        let mut neighbours = full_of(Neighbour);
        assert_eq!(admitted(&mut neighbours, Neighbour), Err(NoPlace::OfAll));
        assert_eq!(admitted(&mut neighbours, Admin), Ok(None));
    }

    #[test]
    fn whoever_is_worth_more_has_the_seat_of_the_oldest_and_equals_wait() {
        let mut strangers = full_of(Stranger);
        assert_eq!(admitted(&mut strangers, Viewer), Ok(Some(0)));
        let mut viewers = full_of(Viewer);
        assert_eq!(admitted(&mut viewers, Viewer), Err(NoPlace::OfAll));
        let mut admins = full_of(Admin);
        assert_eq!(admins.taken(), SEATS);
        assert_eq!(admitted(&mut admins, Admin), Err(NoPlace::OfAll));
        let mut crowd = full_of(Neighbour);
        for _ in 0..KEPT_FOR_ADMINS {
            assert_eq!(admitted(&mut crowd, Admin), Ok(None));
        }
        assert_eq!(admitted(&mut crowd, Admin), Ok(Some(0)));
    }
}
