//! What this router does unlike others, from what was seen of it and what the rules have learned.
//! Pure.

use std::time::Duration;

use super::RouterView;
use super::trait_words::{RouterTrait, Stays};
use porthole_election::{
    Candidacy, ClaimStage, InnerPorts, ListTrust, Renewals, Rules, StaleMapping, State,
};
use porthole_gateway::{DeleteRight, Extent, Lease, Showing};

/// So often in a row the representative port is refused before people are told that it is the
/// router's own.
const SEVERAL: u32 = 3;

impl RouterView {
    /// All that people should know of the router beside its class. `host_is_set`: the settings name
    /// the outside address.
    pub fn traits(&self, state: &State, rules: &Rules, host_is_set: bool) -> Vec<RouterTrait> {
        let mut traits = Vec::new();
        let representative_port = rules.representative_port;
        if self.keeps_representative_port(state, rules) {
            let told = RouterTrait::reserved_representative_port(representative_port);
            traits.push(told);
        }
        traits.extend(self.showing(state));
        if state.inner == InnerPorts::One {
            traits.push(RouterTrait::one_per_inner_port());
        }
        let reserved = &state.refusals.reserved;
        // Where little is shown, somebody may have them.
        if !reserved.is_empty() && !self.lessons.showing().is_unreadable() {
            traits.push(RouterTrait::reserved_ports(reserved.iter().copied()));
        }
        if state.renewals == Renewals::RunOut {
            let every = time_between_gaps(rules);
            traits.push(RouterTrait::leases_run_out(every, state.last_gap));
        }
        traits.extend(self.lease());
        traits.extend(self.answer_time.and_then(RouterTrait::slow_answers));
        let external = self.external.filter(|_| !host_is_set);
        traits.extend(external.and_then(|known| RouterTrait::address(known, self.connection)));
        traits
    }

    /// Whether the router refuses the representative port to everybody, although nobody has it.
    pub(super) fn keeps_representative_port(&self, state: &State, rules: &Rules) -> bool {
        match state.candidacy {
            Candidacy::Acquiring {
                mapping: StaleMapping::Reserved,
                ..
            } => true,
            Candidacy::Yielding {
                stage: ClaimStage::Deputy { .. },
                ..
            } => self.shows_it_free(state, rules),
            _ => {
                let nobody_leads = state.leadership.is_none() && state.detector.is_none();
                let refused = state.refusals.representative >= SEVERAL && state.refusals.alone;
                nobody_leads && refused && self.shows_it_free(state, rules)
            }
        }
    }

    /// Whether the table can be believed that nobody has the representative port.
    fn shows_it_free(&self, state: &State, rules: &Rules) -> bool {
        self.table.as_ref().is_some_and(|read| {
            read.table.extent == Extent::Whole
                && state.list != ListTrust::Incomplete
                && !self.lessons.showing().is_unreadable()
                && read.table.tcp(rules.representative_port).is_none()
        })
    }

    fn showing(&self, state: &State) -> Option<RouterTrait> {
        match self.lessons.showing() {
            Showing::Entry(form) => Some(RouterTrait::hides_owners(form)),
            Showing::Nothing => Some(RouterTrait::shows_nothing()),
            Showing::Owner | Showing::Untried if state.list == ListTrust::Incomplete => {
                Some(RouterTrait::incomplete_list())
            }
            Showing::Owner | Showing::Untried => None,
        }
    }

    fn lease(&self) -> Option<RouterTrait> {
        let last = self.lessons.last_grant()?;
        let stays = match self.lessons.delete_right() {
            DeleteRight::Granted => Stays::UntilDeleted,
            DeleteRight::Refused | DeleteRight::Untried => Stays::UntilItsEnd,
        };
        match (last.asked, last.lease) {
            (Lease::Seconds(_), Lease::Permanent) => Some(RouterTrait::permanent_leases(stays)),
            (Lease::Seconds(asked), Lease::Seconds(granted)) if granted > asked => {
                let (asked, granted) = (asked.get(), granted.get());
                Some(RouterTrait::long_leases(asked, granted, stays))
            }
            _ => None,
        }
    }
}

/// The representative's mapping is made anew so often: it counts on no lease longer than this.
fn time_between_gaps(rules: &Rules) -> Duration {
    let lease = rules.representative_lease;
    lease.saturating_sub(Rules::margin(lease) + rules.remake_before())
}

#[cfg(test)]
mod tests;
