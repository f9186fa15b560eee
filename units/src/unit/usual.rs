use std::fmt;
use std::ops::{Deref, DerefMut};

/// A part of a unit that most leave as it usually is: then nothing is kept of it.
#[derive(Clone, Default)]
pub struct Usual<T>(Option<Box<T>>);

/// What a part is like where nobody says anything.
pub trait AsUsual: Default + 'static {
    /// Its default, once for all units.
    fn usual() -> &'static Self;
}

impl<T: AsUsual> Deref for Usual<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(part) => part,
            None => T::usual(),
        }
    }
}

impl<T: AsUsual> DerefMut for Usual<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: AsUsual + PartialEq> PartialEq for Usual<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: AsUsual + Eq> Eq for Usual<T> {}

impl<T: AsUsual + fmt::Debug> fmt::Debug for Usual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: AsUsual + PartialEq> From<T> for Usual<T> {
    fn from(part: T) -> Self {
        Self(if part == *T::usual() { None } else { Some(Box::new(part)) })
    }
}

macro_rules! as_usual {
    ($($part:ty),*) => {
        $(impl AsUsual for $part {
            fn usual() -> &'static Self {
                static USUAL: std::sync::LazyLock<$part> = std::sync::LazyLock::new(<$part>::default);
                &USUAL
            }
        })*
    };
}

as_usual!(super::Environment, super::Execution, super::Log, super::Resources, super::Restart, super::RunAs, super::Sandbox);

#[cfg(test)]
mod tests {
    use super::super::Sandbox;
    use super::*;

    #[test]
    fn what_is_as_usual_takes_no_memory_and_is_equal_however_it_came_to_be_so() {
        let mut sandbox = Usual::<Sandbox>::default();
        assert!(sandbox.0.is_none() && !sandbox.private_tmp);
        sandbox.private_tmp = true;
        assert!(sandbox.private_tmp && sandbox != Usual::default());
        sandbox.private_tmp = false;
        assert!(sandbox == Usual::default() && Usual::from(Sandbox::default()).0.is_none());
    }
}
