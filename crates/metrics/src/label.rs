//! Labels whose values are known at compile time, and sets of them.
//!
//! A static label is an enum, and a set of them is a small integer. A record with static labels
//! costs one multiplication and one addition, never a look-up.

/// Label with a fixed, small set of values.
///
/// ```
/// use rehearsal_metrics::{StaticLabel, Definition, Registry};
///
/// #[derive(Clone, Copy)]
/// enum Door { Front, Back }
///
/// impl StaticLabel for Door {
///     const NAME: &'static str = "door";
///     const VALUES: &'static [&'static str] = &["front", "back"];
///     fn index(self) -> usize { self as usize }
/// }
///
/// const VISITS: Definition = Definition::counter("visits_total", "Visits.").labelled::<Door>();
/// let visits = Registry::new().counters(&VISITS)?;
/// visits.increment(Door::Back);
/// assert_eq!((visits.get(Door::Front), visits.get(Door::Back)), (0, 1));
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
pub trait StaticLabel: Copy + 'static {
    /// Name of the label in the exposition.
    const NAME: &'static str;
    /// Values of the label in the exposition, by [`index`](Self::index).
    const VALUES: &'static [&'static str];
    /// Returns the place in [`VALUES`](Self::VALUES).
    fn index(self) -> usize;
}

/// Label as plain data: its name and its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelDefinition {
    /// Name of the label in the exposition.
    pub name: &'static str,
    /// Every value, in the order of the indices. Empty for a dynamic label.
    pub values: &'static [&'static str],
}

impl LabelDefinition {
    /// Returns the definition of a static label.
    pub const fn of<L: StaticLabel>() -> Self {
        Self {
            name: L::NAME,
            values: L::VALUES,
        }
    }
}

/// Combination of static labels, which selects one series of an instrument.
pub trait LabelSet: Copy {
    /// Labels in the order of [`index`](Self::index): the last one varies fastest.
    const LABELS: &'static [LabelDefinition];
    /// Number of combinations.
    const COUNT: usize;
    /// Returns the number of this combination, below [`COUNT`](Self::COUNT).
    fn index(self) -> usize;
}

impl LabelSet for () {
    const LABELS: &'static [LabelDefinition] = &[];
    const COUNT: usize = 1;
    #[inline]
    fn index(self) -> usize {
        0
    }
}

impl<A: StaticLabel> LabelSet for A {
    const LABELS: &'static [LabelDefinition] = &[LabelDefinition::of::<A>()];
    const COUNT: usize = A::VALUES.len();
    #[inline]
    fn index(self) -> usize {
        StaticLabel::index(self)
    }
}

/// Implements [`LabelSet`] for a tuple of labels.
macro_rules! tuple_label_set {
    ($($label:ident $place:tt),+) => {
        impl<$($label: StaticLabel),+> LabelSet for ($($label,)+) {
            const LABELS: &'static [LabelDefinition] = &[$(LabelDefinition::of::<$label>()),+];
            const COUNT: usize = 1 $(* $label::VALUES.len())+;
            #[inline]
            fn index(self) -> usize {
                let index = 0;
                $(let index = index * $label::VALUES.len() + self.$place.index();)+
                index
            }
        }
    };
}

tuple_label_set!(A 0, B 1);
tuple_label_set!(A 0, B 1, C 2);
tuple_label_set!(A 0, B 1, C 2, D 3);

/// Declares a struct of any number of static labels, which together name one series.
///
/// Unlike a tuple, the struct names each label where a value is recorded.
///
/// ```
/// use rehearsal_metrics::{Definition, Registry, label_set, static_label};
///
/// static_label! {
///     /// HTTP method of a request.
///     pub enum Method: "method" { Get = "GET", Post = "POST" }
/// }
/// static_label! {
///     /// Route of a request.
///     pub enum Route: "route" { Root = "/", Users = "/users" }
/// }
/// static_label! {
///     /// Class of the status code of a response.
///     pub enum Status: "status" { Success = "2xx", ClientError = "4xx", ServerError = "5xx" }
/// }
/// label_set! {
///     /// Labels of one handled request.
///     pub struct RequestLabels { method: Method, route: Route, status: Status }
/// }
///
/// const REQUESTS: Definition =
///     Definition::counter("http_requests_total", "Requests handled.").labelled::<RequestLabels>();
/// let requests = Registry::new().counters(&REQUESTS)?;
/// let labels = RequestLabels::new(Method::Get, Route::Users, Status::Success);
/// requests.increment(labels);
/// assert_eq!(requests.get(labels), 1);
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[macro_export]
macro_rules! label_set {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident {
        $($(#[$doc:meta])* $field_visibility:vis $field:ident: $label:ty),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $visibility struct $name { $($(#[$doc])* $field_visibility $field: $label),+ }

        impl $name {
            /// Returns the set of these labels.
            #[allow(dead_code, reason = "a set may also be written field by field")]
            pub const fn new($($field: $label),+) -> Self {
                Self { $($field),+ }
            }
        }

        impl $crate::LabelSet for $name {
            const LABELS: &'static [$crate::LabelDefinition] =
                &[$($crate::LabelDefinition::of::<$label>()),+];
            const COUNT: usize = 1 $(* <$label as $crate::StaticLabel>::VALUES.len())+;
            #[inline]
            fn index(self) -> usize {
                let index = 0;
                $(let index = index * <$label as $crate::StaticLabel>::VALUES.len()
                    + $crate::StaticLabel::index(self.$field);)+
                index
            }
        }
    };
}

/// Declares an enum that is a static label: its name, its values and their spelling in the
/// exposition.
///
/// See [`label_set!`](crate::label_set) for an example.
#[macro_export]
macro_rules! static_label {
    ($(#[$meta:meta])* $visibility:vis enum $name:ident: $label:literal {
        $($(#[$doc:meta])* $value:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name { $($(#[$doc])* $value),+ }

        impl $name {
            /// Every value, in the order of the indices.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// Returns the spelling in the exposition.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text),+ }
            }
        }

        $crate::impl_static_label!($name, $label);

        impl ::core::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

/// Makes an existing field-less enum a static label.
///
/// The enum has a constant `ALL: [Self; N]` or `&[Self]` in the order of declaration, and a
/// `const fn as_str(self) -> &'static str`.
#[macro_export]
macro_rules! impl_static_label {
    ($name:ident, $label:literal) => {
        impl $crate::StaticLabel for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [&'static str] = &{
                let mut values = [""; $name::ALL.len()];
                let mut index = 0;
                while index < values.len() {
                    values[index] = $name::ALL[index].as_str();
                    index += 1;
                }
                values
            };
            #[inline]
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

static_label! {
    /// Reason for which a histogram refused a sample.
    pub enum SampleFault: "reason" {
        /// Not a number.
        NotANumber = "nan",
        /// Positive or negative infinity.
        Infinite = "infinite",
        /// Below zero.
        Negative = "negative",
    }
}
