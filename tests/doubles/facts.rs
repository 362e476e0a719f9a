//! Properties of the real elements in each release: `elements.json`, an extract of `GStreamer`'s
//! sources.

use std::collections::HashMap;
use std::sync::OnceLock;

use glib::translate::{FromGlib, IntoGlib};
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_video::VideoOrientationMethod;
use serde_json::Value;

/// Number of B-frames of a card, where the sources name the card's own limit.
const CARD_LIMIT: i64 = 4;
/// Rate controls of VA-API encoders. The driver decides which there are; these are all that the
/// releases know.
const VA_RATE_CONTROLS: [&str; 4] = ["cbr", "vbr", "vcm", "cqp"];
const VA_RATE_CONTROLS_SINCE_1_26: [&str; 6] = ["cbr", "vbr", "vcm", "cqp", "icq", "qvbr"];

fn all() -> &'static Value {
    static ALL: OnceLock<Value> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(include_str!("elements.json")).unwrap())
}

/// The properties of an element in a release, if the release has the element.
fn entry(element: &str, release: &str) -> Option<&'static serde_json::Map<String, Value>> {
    let entry = all().get(element)?.get(release)?;
    match entry.get("same_as").and_then(Value::as_str) {
        Some(other) => self::entry(element, other),
        None => entry.get("properties")?.as_object(),
    }
}

/// Whether the release has the element.
pub(crate) fn has(element: &str, release: &str) -> bool {
    entry(element, release).is_some()
}

/// The properties that an element has in a release.
pub(crate) fn properties(element: &str, release: &str) -> Vec<glib::ParamSpec> {
    let known = entry(element, release).into_iter().flatten();
    let usable = known.filter(|(name, _)| {
        name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    });
    usable.filter_map(|(name, facts)| property(element, release, name, facts)).collect()
}

fn property(element: &str, release: &str, name: &str, facts: &Value) -> Option<glib::ParamSpec> {
    let text = |key: &str| facts.get(key).and_then(Value::as_str).unwrap_or_default();
    let flags = if facts.get("readonly").is_some_and(|v| v == true) {
        glib::ParamFlags::READABLE
    } else {
        glib::ParamFlags::READWRITE
    };
    let range = |least: i64, most: i64| {
        let min = number(text("min")).unwrap_or(least).clamp(least, most);
        let max = number(text("max")).filter(|max| *max >= min).unwrap_or(most).clamp(least, most);
        (min, max, number(text("default")).unwrap_or(min).clamp(min, max))
    };
    let is_orientation = name == "video-direction";
    let values = values(element, release, name, facts);
    Some(match text("type") {
        _ if is_orientation => {
            glib::ParamSpecEnum::builder_with_default(name, VideoOrientationMethod::Identity)
                .flags(flags)
                .build()
        }
        _ if !values.is_empty() => choice(element, name, &values, text("default"), flags),
        "boolean" | "gboolean" => glib::ParamSpecBoolean::builder(name)
            .default_value(text("default").eq_ignore_ascii_case("true"))
            .flags(flags)
            .build(),
        "uint" | "guint" => {
            let (min, max, default) = range(0, i64::from(u32::MAX));
            let fit = |value: i64| u32::try_from(value).unwrap();
            glib::ParamSpecUInt::builder(name)
                .minimum(fit(min))
                .maximum(fit(max))
                .default_value(fit(default))
                .flags(flags)
                .build()
        }
        "int" | "gint" => {
            let (min, max, default) = range(i64::from(i32::MIN), i64::from(i32::MAX));
            let fit = |value: i64| i32::try_from(value).unwrap();
            glib::ParamSpecInt::builder(name)
                .minimum(fit(min))
                .maximum(fit(max))
                .default_value(fit(default))
                .flags(flags)
                .build()
        }
        "int64" => glib::ParamSpecInt64::builder(name).flags(flags).build(),
        "double" | "float" | "gfloat" => {
            let real = |key: &str, or: f64| text(key).parse().unwrap_or(or);
            let (min, max) = (real("min", 0.0), real("max", 1e9));
            glib::ParamSpecDouble::builder(name)
                .minimum(min)
                .maximum(max)
                .default_value(real("default", min).clamp(min, max))
                .flags(flags)
                .build()
        }
        "string" => glib::ParamSpecString::builder(name).flags(flags).build(),
        // No recipe sets objects and formats.
        _ => return None,
    })
}

fn values(element: &str, release: &str, name: &str, facts: &Value) -> Vec<String> {
    let listed = facts.get("values").and_then(Value::as_array).into_iter().flatten();
    let listed: Vec<String> = listed.filter_map(|v| v.as_str().map(str::to_owned)).collect();
    if listed.is_empty() && element.starts_with("va") && name == "rate-control" {
        let old = release.starts_with("1.22") || release.starts_with("1.24");
        let known: &[&str] = if old { &VA_RATE_CONTROLS } else { &VA_RATE_CONTROLS_SINCE_1_26 };
        return known.iter().map(|name| (*name).to_owned()).collect();
    }
    listed
}

/// A number as the sources write it: `2000 * 1024`, `G_MAXINT`, `dev_caps->max_bframes`.
fn number(text: &str) -> Option<i64> {
    let factors = text.split('*').map(|factor| match factor.trim() {
        "G_MAXINT" => Some(i64::from(i32::MAX)),
        "G_MAXUINT" => Some(i64::from(u32::MAX)),
        "G_MAXUSHORT" => Some(i64::from(u16::MAX)),
        caps if caps.contains("caps->") => Some(CARD_LIMIT),
        digits => digits.parse().ok(),
    });
    factors.product()
}

/// A property of an enum type.
fn choice(
    element: &str,
    name: &str,
    values: &[String],
    default: &str,
    flags: glib::ParamFlags,
) -> glib::ParamSpec {
    let kind = enum_type(&format!("Double-{element}-{name}"), values);
    let default = default.split(' ').next().unwrap_or_default();
    let number = values.iter().position(|value| value == default).unwrap_or(0);
    let leaked = |text: &str| std::ffi::CString::new(text).unwrap().into_raw().cast_const();
    // SAFETY: the names are leaked, so they outlive the property; the type is that of an enum, and
    // the number one of its values.
    unsafe {
        glib::translate::from_glib_none(glib::gobject_ffi::g_param_spec_enum(
            leaked(name),
            leaked(name),
            leaked(name),
            kind.into_glib(),
            i32::try_from(number).unwrap(),
            flags.bits(),
        ))
    }
}

fn enum_type(name: &str, values: &[String]) -> glib::Type {
    static MADE: OnceLock<std::sync::Mutex<HashMap<String, glib::Type>>> = OnceLock::new();
    let mut made = MADE.get_or_init(std::sync::Mutex::default).lock().unwrap();
    *made.entry(name.to_owned()).or_insert_with(|| {
        let leaked = |text: &str| std::ffi::CString::new(text).unwrap().into_raw().cast_const();
        let mut list: Vec<glib::gobject_ffi::GEnumValue> = (0..)
            .zip(values)
            .map(|(value, nick)| glib::gobject_ffi::GEnumValue {
                value,
                value_name: leaked(nick),
                value_nick: leaked(nick),
            })
            .collect();
        list.push(glib::gobject_ffi::GEnumValue {
            value: 0,
            value_name: std::ptr::null(),
            value_nick: std::ptr::null(),
        });
        // SAFETY: the list ends with nulls and is leaked, as a type lives as long as the process.
        unsafe {
            glib::Type::from_glib(glib::gobject_ffi::g_enum_register_static(
                leaked(name),
                list.leak().as_ptr(),
            ))
        }
    })
}
