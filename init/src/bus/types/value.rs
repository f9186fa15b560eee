use super::Writer;

/// A value whose type is known by who writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Byte(u8),
    Bool(bool),
    I32(i32),
    U32(u32),
    U64(u64),
    /// A string or a path: they lie alike.
    Text(String),
    /// The type of its elements, and they.
    Array(&'static str, Vec<Value>),
    Structure(Vec<Value>),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::Array("s", texts.into_iter().map(Self::text).collect())
    }

    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self::Array("y", bytes.iter().copied().map(Self::Byte).collect())
    }

    pub(super) fn write(&self, out: &mut Writer) {
        match self {
            Self::Byte(value) => out.byte(*value),
            Self::Bool(value) => out.boolean(*value),
            Self::I32(value) => out.i32(*value),
            Self::U32(value) => out.u32(*value),
            Self::U64(value) => out.u64(*value),
            Self::Text(text) => out.string(text),
            Self::Array(element, values) => out.array(element, |out| values.iter().for_each(|value| value.write(out))),
            Self::Structure(members) => {
                out.structure();
                members.iter().for_each(|member| member.write(out));
            }
        }
    }
}
