//! The property `n-threads` of our elements, and work that such a number of threads shares.

use std::sync::atomic::{AtomicU32, Ordering};

use gstreamer::glib;
use gstreamer::prelude::*;

/// Default of the filters. Recipes set the property to the share of one rung.
pub(crate) const DEFAULT_N_THREADS: u32 = 1;
/// Largest value of the property.
pub(crate) const MAX_N_THREADS: u32 = 64;

/// Value of the property `n-threads`: how many threads share a frame. It may change while the
/// element plays.
pub(crate) struct NThreads(AtomicU32);

impl Default for NThreads {
    fn default() -> Self {
        Self::new(DEFAULT_N_THREADS)
    }
}

impl NThreads {
    /// The property with this value.
    pub(crate) fn new(threads: u32) -> Self {
        Self(AtomicU32::new(threads))
    }

    /// Description of the property for GStreamer.
    pub(crate) fn param_spec(default: u32) -> glib::ParamSpec {
        glib::ParamSpecUInt::builder("n-threads")
            .nick("Threads")
            .blurb("Number of threads that share a frame")
            .minimum(1)
            .maximum(MAX_N_THREADS)
            .default_value(default)
            .build()
    }

    /// Takes the value that GStreamer passes to `set_property`.
    pub(crate) fn set(&self, value: &glib::Value) {
        if let Ok(threads) = value.get() {
            self.0.store(threads, Ordering::Relaxed);
        }
    }

    /// The number of threads.
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Rows of 4:2:0 chroma per thread, for frames with `height` rows of luma.
pub(crate) fn chroma_rows_per_thread(height: u32, n_threads: u32) -> usize {
    height.div_ceil(2).div_ceil(n_threads).max(1) as usize
}

/// Implements `ObjectImpl` for an element whose only property is `n-threads`, kept in its field
/// `n_threads`.
macro_rules! impl_n_threads {
    ($element:ty, $default:expr) => {
        impl ::gstreamer::subclass::prelude::ObjectImpl for $element {
            fn properties() -> &'static [::gstreamer::glib::ParamSpec] {
                static PROPERTIES: ::std::sync::LazyLock<[::gstreamer::glib::ParamSpec; 1]> =
                    ::std::sync::LazyLock::new(|| {
                        [$crate::worker::elements::n_threads::NThreads::param_spec($default)]
                    });
                &*PROPERTIES
            }

            fn set_property(
                &self,
                _id: usize,
                value: &::gstreamer::glib::Value,
                _pspec: &::gstreamer::glib::ParamSpec,
            ) {
                self.n_threads.set(value);
            }

            fn property(
                &self,
                _id: usize,
                _pspec: &::gstreamer::glib::ParamSpec,
            ) -> ::gstreamer::glib::Value {
                ::gstreamer::glib::value::ToValue::to_value(&self.n_threads.get())
            }
        }
    };
}
pub(crate) use impl_n_threads;

/// Runs `work` on all items at once, one thread per item; the calling thread takes the first.
/// Returns when all are done.
pub(crate) fn for_each_parallel<T: Send>(
    mut items: impl Iterator<Item = T>,
    work: impl Fn(T) + Sync,
) {
    let first = items.next();
    let work = &work;
    std::thread::scope(|scope| {
        for item in items {
            scope.spawn(move || work(item));
        }
        first.map(work);
    });
}
