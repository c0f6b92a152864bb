//! [`FairQueue`]: who waits for a turn, in an order that no address can crowd.
//!
//! Each address has a line of its own, and the lines take turns: somebody who waits behind a
//! hundred guesses of another address waits for one of them. There are two kinds of lines, those of
//! strangers and those of addresses that are known (the LAN, and those from which somebody logged
//! in); the kinds take turns as well, so that two hundred strangers cost the owner one hash.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::throttle::AttemptClass;

/// Those that wait, at most `most` of them. Pure.
pub struct FairQueue<T> {
    most: usize,
    strangers: Lines<T>,
    known: Lines<T>,
    /// Whether the last turn was a known one's.
    known_went_last: bool,
}

/// The lines of one kind; the one in front has the next turn. None is empty.
struct Lines<T>(VecDeque<(IpAddr, VecDeque<T>)>);

/// There is no room, and nobody whose place this one should have.
#[derive(Debug, PartialEq, Eq)]
pub struct QueueFull;

impl<T> FairQueue<T> {
    /// Nobody waits yet; at most `most` ever will.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            strangers: Lines(VecDeque::new()),
            known: Lines(VecDeque::new()),
            known_went_last: false,
        }
    }

    /// Adds one at the end of its address's line. Where there is no room it has the place of the
    /// last one in the longest line, if that is longer than its own will be, and not of a known
    /// address while this one is a stranger's; whoever lost its place so is returned.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub fn push(
        &mut self,
        from: IpAddr,
        class: AttemptClass,
        item: T,
    ) -> Result<Option<T>, QueueFull> {
        let displaced = if self.len() < self.most {
            None
        } else {
            Some(self.make_room(from, class).ok_or(QueueFull)?)
        };
        self.lines(class).push(from, item);
        Ok(displaced)
    }

    /// Whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let known = match (self.known.0.is_empty(), self.strangers.0.is_empty()) {
            (true, true) => return None,
            (false, false) => !self.known_went_last,
            (known_is_empty, _) => !known_is_empty,
        };
        self.known_went_last = known;
        let lines = if known {
            &mut self.known
        } else {
            &mut self.strangers
        };
        lines.pop()
    }

    /// Forgets those that do not wait any more.
    pub fn retain(&mut self, waits: impl Fn(&T) -> bool) {
        for lines in [&mut self.strangers, &mut self.known] {
            for (_, line) in &mut lines.0 {
                line.retain(&waits);
            }
            lines.0.retain(|(_, line)| !line.is_empty());
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.strangers.len() + self.known.len()
    }

    fn lines(&mut self, class: AttemptClass) -> &mut Lines<T> {
        match class {
            AttemptClass::Stranger => &mut self.strangers,
            AttemptClass::Exempt => &mut self.known,
        }
    }

    fn make_room(&mut self, from: IpAddr, class: AttemptClass) -> Option<T> {
        let own = self.lines(class).length_of(from) + 1;
        match class {
            AttemptClass::Stranger => self.strangers.drop_last_of_longest(own),
            AttemptClass::Exempt => self
                .strangers
                .drop_last_of_longest(0)
                .or_else(|| self.known.drop_last_of_longest(own)),
        }
    }
}

impl<T> Lines<T> {
    fn len(&self) -> usize {
        self.0.iter().map(|(_, line)| line.len()).sum()
    }

    fn length_of(&self, from: IpAddr) -> usize {
        let line = self.0.iter().find(|(address, _)| *address == from);
        line.map_or(0, |(_, line)| line.len())
    }

    fn push(&mut self, from: IpAddr, item: T) {
        match self.0.iter_mut().find(|(address, _)| *address == from) {
            Some((_, line)) => line.push_back(item),
            None => self.0.push_back((from, VecDeque::from([item]))),
        }
    }

    fn pop(&mut self) -> Option<T> {
        let (from, mut line) = self.0.pop_front()?;
        let item = line.pop_front();
        if !line.is_empty() {
            self.0.push_back((from, line));
        }
        item
    }

    /// The last one of the longest line, where that is longer than so many.
    fn drop_last_of_longest(&mut self, than: usize) -> Option<T> {
        let lines = self.0.iter().enumerate();
        let (at, length) = lines
            .map(|(at, (_, line))| (at, line.len()))
            .max_by_key(|(_, length)| *length)?;
        if length <= than {
            return None;
        }
        let dropped = self.0.get_mut(at)?.1.pop_back();
        if length == 1 {
            self.0.remove(at);
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AttemptClass::{Exempt, Stranger};

    fn address(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[test]
    fn addresses_take_turns_however_many_wait_of_each() {
        let mut queue = FairQueue::new(8);
        for n in 0..4 {
            queue.push(address(1), Stranger, format!("a{n}")).unwrap();
        }
        queue.push(address(2), Stranger, "b".to_owned()).unwrap();
        queue.push(address(3), Exempt, "owner".to_owned()).unwrap();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["owner", "a0", "b", "a1", "a2", "a3"]);
    }

    #[test]
    fn neither_kind_waits_for_the_other_to_be_done() {
        let mut queue = FairQueue::new(8);
        for n in 0..3 {
            queue.push(address(n), Exempt, 'k').unwrap();
            queue.push(address(n), Stranger, 's').unwrap();
        }
        let order: String = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, "ksksks");
    }

    #[test]
    fn a_full_queue_has_room_for_an_address_that_has_fewer_in_it() {
        let mut queue = FairQueue::new(4);
        for n in 0..4 {
            queue.push(address(1), Stranger, n).unwrap();
        }
        assert_eq!(queue.push(address(1), Stranger, 9), Err(QueueFull));
        assert_eq!(queue.push(address(2), Stranger, 20), Ok(Some(3)));
        assert_eq!(queue.push(address(3), Stranger, 30), Ok(Some(2)));
        // 0 and 1 of the first, one each of the others: nobody has more than a newcomer would,
        // but one.
        assert_eq!(queue.push(address(4), Stranger, 40), Ok(Some(1)));
        assert_eq!(queue.push(address(5), Stranger, 50), Err(QueueFull));
        assert_eq!(queue.len(), 4);
        // The owner has a place all the same, and no stranger takes it from him.
        assert!(queue.push(address(6), Exempt, 60).unwrap().is_some());
        assert_eq!(queue.push(address(7), Stranger, 70), Err(QueueFull));
        assert_eq!(queue.pop(), Some(60));
    }

    #[test]
    fn who_has_given_up_holds_no_place() {
        let mut queue = FairQueue::new(2);
        queue.push(address(1), Stranger, 1).unwrap();
        queue.push(address(2), Exempt, 2).unwrap();
        queue.retain(|item| *item != 1);
        assert_eq!(queue.push(address(3), Stranger, 3), Ok(None));
        assert_eq!(queue.len(), 2);
    }
}
