//! Settings that are one of a few words.

/// A setting that is one of a few words.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every word with what it stands for.
    const WORDS: &'static [(&'static str, Self)];

    /// The word a user writes for this choice.
    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, choice)| *choice == self)
            .map_or("?", |(word, _)| *word)
    }
}

/// An enum of unit variants, each with the word that a user writes for it: derives what a key
/// needs, [`Choice`] and `Display`.
#[macro_export]
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$case_doc])* $case),+ }

        impl $crate::Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$case)),+];
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::Choice::word(*self))
            }
        }
    };
}
