//! A value with one publisher and any number of readers.
//!
//! The publisher cannot be cloned: whoever it was moved into is the only one that changes the
//! value. Readers never see the value end, also not when its publisher is gone.

use std::sync::Arc;

use tokio::sync::watch;

/// The readers' side: the value as last published.
pub struct Published<T>(Arc<watch::Sender<T>>);

/// The one writer's side. Whatever is published is computed first and replaced in one step, so a
/// panic leaves the old value whole.
pub struct Publisher<T>(Arc<watch::Sender<T>>);

/// A value with its publisher.
pub fn published<T>(initial: T) -> (Publisher<T>, Published<T>) {
    let value = Arc::new(watch::Sender::new(initial));
    (Publisher(Arc::clone(&value)), Published(value))
}

impl<T> Published<T> {
    /// The value now. Held for as short as possible: the publisher waits for it.
    pub fn borrow(&self) -> watch::Ref<'_, T> {
        self.0.borrow()
    }

    /// A receiver that is woken by the next change.
    pub fn subscribe(&self) -> watch::Receiver<T> {
        self.0.subscribe()
    }
}

impl<T> Publisher<T> {
    /// The value as last published.
    pub fn borrow(&self) -> watch::Ref<'_, T> {
        self.0.borrow()
    }

    /// Replaces the value, and wakes the readers unless it is equal. Returns whether it was another.
    pub fn publish(&self, value: T) -> bool
    where
        T: PartialEq,
    {
        self.0.send_if_modified(|published| {
            let changed = *published != value;
            *published = value;
            changed
        })
    }

    /// Replaces the value, and wakes the readers if it is `news` to them.
    pub fn replace(&self, value: T, news: bool) {
        self.0.send_if_modified(|published| {
            *published = value;
            news
        });
    }

    /// Changes a copy of the value and publishes that; `change` returns whether it is news to the
    /// readers, and so does this.
    pub fn update(&self, change: impl FnOnce(&mut T) -> bool) -> bool
    where
        T: Clone,
    {
        let mut value = self.borrow().clone();
        let news = change(&mut value);
        self.replace(value, news);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_woken_by_another_value_only_and_keep_the_last() {
        let (publisher, value) = published(1);
        let mut reader = value.subscribe();
        assert!(!publisher.publish(1));
        assert!(!reader.has_changed().unwrap());
        assert!(publisher.publish(2));
        assert!(reader.has_changed().unwrap());
        assert_eq!(*reader.borrow_and_update(), 2);
        publisher.replace(3, false);
        assert!(!reader.has_changed().unwrap());
        drop(publisher);
        assert!(!reader.has_changed().unwrap());
        assert_eq!(*value.borrow(), 3);
    }

    #[test]
    fn a_panic_half_way_through_a_change_leaves_the_old_value() {
        let (publisher, value) = published((1, 1));
        let torn = porthole_supervise::catch(|| {
            publisher.update(|pair| {
                pair.0 = 2;
                panic!("half way")
            })
        });
        assert_eq!((torn.is_err(), *value.borrow()), (true, (1, 1)));
    }
}
