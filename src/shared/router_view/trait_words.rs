//! What routers do that people should know of, in words: what it is, and what to do about it. Pure.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use porthole_gateway::{AddressKind, ClientForm, Connection, ExternalAddress};
use porthole_types::ExternalPort;

/// Answers that take longer are told of. Ordinary routers answer within a tenth of a second.
const SLOW: Duration = Duration::from_secs(2);

/// Something that a router does unlike others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RouterTrait {
    /// What it is called: words with hyphens between them.
    #[schema(example = "one-per-inner-port")]
    pub name: &'static str,
    /// What it does, and what comes of it.
    pub words: String,
    /// What to do about it; null where nothing can be done, or nothing has to.
    pub remedy: Option<String>,
}

impl RouterTrait {
    fn new(name: &'static str, words: impl Into<String>) -> Self {
        Self {
            name,
            words: words.into(),
            remedy: None,
        }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Its words and what to do about it.
    pub fn told(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{} {remedy}", self.words),
            None => self.words.clone(),
        }
    }

    /// It shows mappings, and this where the address of the device belongs.
    pub fn hides_owners(shown: ClientForm) -> Self {
        let shown = match shown {
            ClientForm::Address => "no port of the device",
            ClientForm::Name => "a name in the place of the device's address",
            ClientForm::Mac => "a hardware address (MAC) in the place of the device's address",
            ClientForm::Empty => "nothing in the place of the device's address",
        };
        Self::new(
            "hides-owners",
            format!(
                "The router does not show whose its mappings are: it shows {shown}. That only one \
                 camera has the representative port rests on its refusals alone, and the mapping \
                 of a camera that is gone is not deleted by another one."
            ),
        )
    }

    /// It shows no mappings at all.
    pub fn shows_nothing() -> Self {
        Self::new(
            "shows-nothing",
            "The router does not show its mappings. That only one camera has the representative \
             port rests on its refusals alone, and the mapping of a camera that is gone is not \
             deleted by another one.",
        )
    }

    /// Its list leaves mappings out.
    pub fn incomplete_list() -> Self {
        Self::new(
            "incomplete-list",
            "The router's list leaves out mappings that it shows when it is asked for their port: \
             what is not in the list may be there all the same, so each port is asked for by \
             itself.",
        )
    }

    /// It shows mappings in its list only.
    pub fn list_only() -> Self {
        Self::new(
            "list-only",
            "Asked for a port the router shows nothing, also where its list shows a mapping: the \
             list is read in its place.",
        )
    }

    /// A second port to the same port of a device is refused.
    pub fn one_per_inner_port() -> Self {
        Self::new(
            "one-per-inner-port",
            "The router makes one mapping only to each port of a device: a camera gives up its \
             own port for a moment when it takes over as the representative.",
        )
        .remedy(
            "With router.port_mode = \"common\", on all cameras, each mapping leads to another \
             port of the camera.",
        )
    }

    /// The representative port is refused to everybody.
    pub fn reserved_representative_port(port: ExternalPort) -> Self {
        Self::new(
            "reserved-representative-port",
            format!(
                "The router keeps port {port} for itself: it refuses that port to every camera \
                 although nobody has it. One camera shows all cameras on its own port meanwhile."
            ),
        )
        .remedy(format!(
            "Set router.representative_port to another port than {port}, the same on all cameras \
             and outside of router.port_range."
        ))
    }

    /// Ports of the range are refused to everybody.
    pub fn reserved_ports(ports: impl IntoIterator<Item = ExternalPort>) -> Self {
        let ports: Vec<String> = ports.into_iter().map(|port| port.to_string()).collect();
        Self::new(
            "reserved-ports",
            format!(
                "The router refuses {} {} although it shows nobody there. Others are used.",
                if ports.len() == 1 { "port" } else { "ports" },
                ports.join(", ")
            ),
        )
    }

    /// A renewal does not extend a lease. `every`: how often the representative's mapping is made
    /// anew; `gap`: how long the port was nobody's the last time.
    pub fn leases_run_out(every: Duration, gap: Option<Duration>) -> Self {
        let gap = gap.map_or("a moment".to_owned(), |gap| {
            format!("{} ms", gap.as_millis().max(1))
        });
        Self::new(
            "leases-run-out",
            format!(
                "The router does not extend leases: mappings are made anew shortly before they \
                 end. That interrupts the representative port for {gap} every {} s.",
                every.as_secs().max(1)
            ),
        )
        .remedy("A longer router.representative_lease makes that rarer.")
    }

    /// The same, where it is only known that renewing was refused or changed nothing.
    pub fn renewal_in_vain(what: &str) -> Self {
        Self::new(
            "leases-run-out",
            format!(
                "The router does not extend leases: {what}. Mappings are made anew shortly before \
                 they end, which interrupts the representative port for a moment each time."
            ),
        )
        .remedy("A longer router.representative_lease makes that rarer.")
    }

    /// It makes mappings without an end, whatever it is asked for.
    pub fn permanent_leases(stays: Stays) -> Self {
        let words = "The router's mappings have no end, whatever it is asked for";
        let name = "permanent-leases";
        match stays {
            Stays::UntilDeleted => Self::new(
                name,
                format!("{words}; another camera deletes those of one that is gone."),
            ),
            Stays::UntilItsEnd => Self::new(
                name,
                format!(
                    "{words}: a camera that dies as the representative blocks the port for ever, \
                     unless another one may delete its entry."
                ),
            )
            .remedy(
                "Switch cameras off properly. After one has died, start it again, or delete its \
                 entry in the router's own pages: the cameras' pages say which.",
            ),
        }
    }

    /// It makes leases longer than asked, in seconds.
    pub fn long_leases(asked: u32, granted: u32, stays: Stays) -> Self {
        let long = span(granted);
        let words = format!("The router makes leases of {long} when it is asked for {asked} s");
        let name = "long-leases";
        match stays {
            Stays::UntilDeleted => Self::new(
                name,
                format!("{words}; another camera deletes those of one that is gone."),
            ),
            Stays::UntilItsEnd => Self::new(
                name,
                format!(
                    "{words}: a camera that dies as the representative blocks the port for up to \
                     {long}, unless another one may delete its entry."
                ),
            )
            .remedy(
                "Switch cameras off properly. After one has died, start it again, or delete its \
                 entry in the router's own pages.",
            ),
        }
    }

    /// Its answers take so long that people notice; nothing where they do not.
    pub fn slow_answers(answer_time: Duration) -> Option<Self> {
        let seconds = (answer_time >= SLOW).then_some(answer_time)?.as_secs_f64();
        let words = format!(
            "The router takes about {seconds:.0} s to answer; takeovers are slower for it."
        );
        let lease = 15.0 * seconds.ceil();
        Some(Self::new("slow-answers", words).remedy(format!(
            "Restart it, or look for newer firmware; a router.representative_lease of {lease:.0} \
             s or more leaves time enough to renew."
        )))
    }

    /// Its Internet address cannot be reached, or is not told; nothing where all is well, or where
    /// it has none for now.
    pub fn address(external: ExternalAddress, connection: Connection) -> Option<Self> {
        let name = match external.kind {
            AddressKind::Unreadable => "address-unreadable",
            AddressKind::Private => "address-private",
            AddressKind::CarrierGrade => "address-shared",
            _ => return None,
        };
        Some(Self::new(name, external.warning(connection)?))
    }
}

/// How long the mapping of a camera that is gone stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// Another camera deletes it.
    UntilDeleted,
    /// Nobody is known to be able to.
    UntilItsEnd,
}

/// A span of time as people say it.
fn span(seconds: u32) -> String {
    let (count, unit) = match seconds {
        seconds if seconds >= 86_400 && seconds.is_multiple_of(86_400) => (seconds / 86_400, "day"),
        seconds if seconds >= 3_600 && seconds.is_multiple_of(3_600) => (seconds / 3_600, "hour"),
        seconds => return format!("{seconds} s"),
    };
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_days_and_hours_where_they_are_whole() {
        for (seconds, words) in [
            (30, "30 s"),
            (3_599, "3599 s"),
            (3_600, "1 hour"),
            (7_200, "2 hours"),
            (86_400, "1 day"),
            (604_800, "7 days"),
        ] {
            assert_eq!(span(seconds), words);
        }
    }

    #[test]
    fn only_an_address_that_says_something_of_the_router_is_a_trait() {
        let trait_of = |text: &str| {
            let address = ExternalAddress::from(text.parse().ok());
            RouterTrait::address(address, Connection::Up).map(|told| told.name)
        };
        assert_eq!(trait_of("60.120.76.64"), None);
        assert_eq!(trait_of("none"), None);
        assert_eq!(trait_of("10.0.0.2"), Some("address-private"));
        assert_eq!(trait_of("100.64.0.2"), Some("address-shared"));
        let unreadable = ExternalAddress::UNREADABLE;
        let told = RouterTrait::address(unreadable, Connection::Unknown).unwrap();
        assert_eq!(told.name, "address-unreadable");
    }
}
