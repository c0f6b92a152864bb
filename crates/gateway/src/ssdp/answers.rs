//! Which of many answers are looked at: a bounded list in which nobody crowds the gateway out.
//! Pure.

use std::net::Ipv4Addr;

use super::answer::Answer;

/// Descriptions that are looked at.
const MAX_ANSWERS: usize = 16;

/// Of these, how many that one address told of: nobody crowds the others out.
pub(super) const MAX_ANSWERS_EACH: usize = 3;

/// The answers to one search.
#[derive(Debug)]
pub(super) struct Answers {
    /// Who is listened to even when others have filled the list.
    preferred: Option<Ipv4Addr>,
    kept: Vec<Answer>,
    /// How many of them were taken, in the order of `kept`.
    taken: Vec<bool>,
}

impl Answers {
    pub(super) fn new(preferred: Option<Ipv4Addr>) -> Self {
        Self {
            preferred,
            kept: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// Forget them: a new search begins.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.taken.clear();
    }

    /// Keep an answer if there is room for it, or in the place of a worse one that nobody has taken
    /// yet. Returns whether it was kept.
    pub(super) fn note(&mut self, answer: Answer) -> bool {
        let known = self
            .kept
            .iter()
            .position(|kept| kept.location == answer.location);
        if let Some(known) = known {
            // The same place under several names: the best of them counts.
            let kept = &mut self.kept[known];
            kept.kind = kept.kind.min(answer.kind);
            return false;
        }
        let preferred = self.preferred == Some(answer.responder);
        let of_it = |kept: &Answer| kept.responder == answer.responder;
        let each = self.kept.iter().filter(|kept| of_it(kept)).count() >= MAX_ANSWERS_EACH;
        if !each && (preferred || self.kept.len() < MAX_ANSWERS) {
            self.kept.push(answer);
            self.taken.push(false);
            return true;
        }
        let worst = (0..self.kept.len())
            .filter(|at| !self.taken[*at] && (!each || of_it(&self.kept[*at])))
            .max_by_key(|at| self.kept[*at].kind);
        match worst {
            Some(worst) if self.kept[worst].kind > answer.kind => {
                self.kept[worst] = answer;
                true
            }
            _ => false,
        }
    }

    /// Those that were not taken before: the preferred address first, told by itself, then by
    /// others; then the likeliest kind; then as they came.
    pub(super) fn take(&mut self) -> Vec<Answer> {
        let mut new: Vec<Answer> = Vec::new();
        for (answer, taken) in self.kept.iter().zip(&mut self.taken) {
            if !std::mem::replace(taken, true) {
                new.push(answer.clone());
            }
        }
        let is = |address| self.preferred == Some(address);
        new.sort_by_key(|answer| (!is(answer.address), !is(answer.responder), answer.kind));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Kind;
    use super::*;

    const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

    fn answer(responder: u8, address: u8, path: &str, kind: Kind) -> Answer {
        let address = Ipv4Addr::new(192, 168, 77, address);
        Answer {
            responder: Ipv4Addr::new(192, 168, 77, responder),
            address,
            location: format!("http://{address}/{path}").parse().unwrap(),
            kind,
        }
    }

    fn places(answers: &mut Answers) -> Vec<String> {
        let taken = answers.take();
        taken
            .iter()
            .map(|answer| answer.location.to_string())
            .collect()
    }

    #[test]
    fn a_lan_full_of_other_devices_does_not_crowd_a_gateway_out() {
        let mut answers = Answers::new(None);
        for device in 10..60 {
            answers.note(answer(device, device, "tv", Kind::Other));
        }
        assert!(answers.note(answer(5, 5, "igd", Kind::Gateway)));
        let looked_at = places(&mut answers);
        assert_eq!(looked_at.len(), MAX_ANSWERS);
        assert_eq!(looked_at[0], "http://192.168.77.5/igd");
    }

    #[test]
    fn of_one_devices_many_places_the_gateway_is_looked_at() {
        let mut answers = Answers::new(None);
        for service in 0..9 {
            answers.note(answer(5, 5, &format!("{service}"), Kind::Other));
        }
        answers.note(answer(5, 5, "igd", Kind::Gateway));
        let looked_at = places(&mut answers);
        assert_eq!(looked_at.len(), MAX_ANSWERS_EACH);
        assert_eq!(looked_at[0], "http://192.168.77.5/igd");
    }

    #[test]
    fn others_that_tell_of_the_default_gateway_take_nothing_from_what_it_tells_itself() {
        let mut answers = Answers::new(Some(GATEWAY));
        for forger in 10..60 {
            for n in 0..4 {
                answers.note(answer(forger, 1, &format!("{forger}/{n}"), Kind::Gateway));
            }
        }
        assert!(answers.note(answer(1, 1, "igd", Kind::Unsaid)));
        let looked_at = places(&mut answers);
        assert_eq!(looked_at.len(), MAX_ANSWERS + 1);
        assert_eq!(looked_at[0], "http://192.168.77.1/igd");
    }

    #[test]
    fn each_place_is_looked_at_once_a_search() {
        let mut answers = Answers::new(None);
        assert!(answers.note(answer(5, 5, "igd", Kind::Unsaid)));
        assert!(!answers.note(answer(5, 5, "igd", Kind::Gateway)));
        assert_eq!(answers.take()[0].kind, Kind::Gateway);
        assert!(!answers.note(answer(5, 5, "igd", Kind::Gateway)));
        assert_eq!(answers.take(), []);
        answers.clear();
        assert!(answers.note(answer(5, 5, "igd", Kind::Gateway)));
    }
}
