//! Checks the plan that a worker reports.
//!
//! The daemon computes the plan once more, from the probe that the worker reported, with the same pure
//! function. So names, sizes, rates and counts are those of the planner, whatever a worker says. What is
//! left to the worker is the choice among the offered backends and decoders.

use super::backend::Backend;
use super::encode::EncodeConfig;
use super::ladder::Ladder;
use super::limits::{self, Limits};
use super::media::MediaInfo;
use super::plan::{self, Plan};
use super::untrusted::{self, SENTENCE_CHARS};

/// The settings that a worker got, for which its plan is made.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The configured ladder.
    pub ladder: &'a Ladder,
    /// The encode settings.
    pub encode: &'a EncodeConfig,
    /// Limits of the source.
    pub limits: &'a Limits,
    /// The offered backends.
    pub backends: &'a [Backend],
}

/// Why a plan is not one of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The probe breaks a limit, which ends a job before its plan.
    #[error("it plans a source beyond the limits: {0}")]
    Limit(#[from] limits::Error),
    /// The planner refuses the probe.
    #[error("it plans what cannot be planned: {0}")]
    Source(#[from] plan::Error),
    /// Names, sizes, rates or counts differ from our plan.
    #[error("its plan is not the plan of the source that it reported")]
    Other,
    /// The backend was not offered.
    #[error("its plan names a backend that was not offered")]
    Backend,
    /// The decoder is none of the chosen backend.
    #[error("its plan names a decoder that its backend does not have")]
    Decoder,
    /// The notes are not those of the planner, followed by at most one for each backend and one for the
    /// decoder.
    #[error("its plan has notes that the planner does not write")]
    Notes,
}

/// Returns our own plan of the source, with the backend, the decoder and the notes of a worker's choice.
///
/// # Errors
/// If the reported plan is another.
pub fn check(reported: &Plan, media: &MediaInfo, order: Order<'_>) -> Result<Plan, Error> {
    order.limits.check(media)?;
    let mut ours = plan::plan(media, order.ladder, order.encode, "")?;
    let mut offered = order.backends.iter();
    let backend = offered.find(|backend| backend.label() == reported.backend);
    let backend = backend.ok_or(Error::Backend)?;
    let has_decoder = |name: &String| backend.recipe.decoders.contains(name);
    if !reported.decoder.as_ref().is_none_or(has_decoder) {
        return Err(Error::Decoder);
    }
    // One note for each backend that was skipped, and one for the lack of a decoder.
    let most = ours.notes.len() + order.backends.len() + 1;
    if !reported.notes.starts_with(&ours.notes) || reported.notes.len() > most {
        return Err(Error::Notes);
    }
    let notes =
        reported.notes.iter().map(|note| untrusted::one_line(note, SENTENCE_CHARS)).collect();
    let (backend, decoder) = (reported.backend.clone(), reported.decoder.clone());
    ours.notes.clone_from(&reported.notes);
    (ours.backend, ours.decoder) = (backend, decoder);
    if ours != *reported {
        return Err(Error::Other);
    }
    Ok(Plan { notes, ..ours })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::backend::Sizes;
    use crate::domain::media::{AudioStream, VideoStream};
    use crate::domain::recipe::Recipe;

    fn backends() -> Vec<Backend> {
        let text = include_str!("../../pipelines/nvenc.toml");
        let recipe = Recipe::parse_all(&[("nvenc.toml", text)]).unwrap().remove(0);
        let sizes = Sizes::default();
        vec![Backend { recipe, device: String::new(), sizes, pixels_per_sec: 1e9 }]
    }

    fn media() -> MediaInfo {
        MediaInfo {
            duration_ns: Some(30_000_000_000),
            video: vec![VideoStream::plain(1920, 1080)],
            audio: vec![AudioStream::plain(Some("eng"), None)],
            ..MediaInfo::default()
        }
    }

    fn honest(media: &MediaInfo, backends: &[Backend]) -> Plan {
        let label = backends[0].label();
        plan::plan(media, &Ladder::default(), &EncodeConfig::default(), &label).unwrap()
    }

    fn checked(reported: &Plan, media: &MediaInfo) -> Result<Plan, Error> {
        let (ladder, encode, limits) =
            (Ladder::default(), EncodeConfig::default(), Limits::default());
        let backends = backends();
        let order =
            Order { ladder: &ladder, encode: &encode, limits: &limits, backends: &backends };
        check(reported, media, order)
    }

    #[test]
    fn an_honest_plan_is_ours_with_the_choices_of_the_worker() {
        let (media, backends) = (media(), backends());
        let mut plan = honest(&media, &backends);
        plan.decoder = backends[0].recipe.decoders.first().cloned();
        assert!(plan.decoder.is_some(), "the recipe has decoders");
        plan.notes.push("decoded in software\nERROR: a forged line".to_owned());
        let accepted = checked(&plan, &media).unwrap();
        assert_eq!(accepted.notes.last().unwrap(), "decoded in software ERROR: a forged line");
        assert_eq!(Plan { notes: plan.notes.clone(), ..accepted }, plan);
    }

    #[test]
    fn any_other_plan_is_refused() {
        type Lie = fn(&mut Plan);
        let lies: [(Lie, Error); 15] = [
            (|plan| plan.video.rungs[0].name = "../../evil".to_owned(), Error::Other),
            (|plan| plan.video.rungs[0].name = "/etc".to_owned(), Error::Other),
            (|plan| plan.audio[0].name = "1080p".to_owned(), Error::Other),
            (|plan| plan.audio[0].title = "a\"\n#EXT-X-ENDLIST".to_owned(), Error::Other),
            (|plan| plan.audio[0].language = "x\"".to_owned(), Error::Other),
            (|plan| plan.video.rungs.extend(plan.video.rungs.clone()), Error::Other),
            (|plan| plan.video.rungs[0].max_bitrate_kbps = u32::MAX, Error::Other),
            (|plan| plan.video.rungs[0].width = 100_000, Error::Other),
            (|plan| plan.video.segment_frames = 0, Error::Other),
            (|plan| plan.video.fps.den = 0, Error::Other),
            (|plan| plan.thumbnails.as_mut().unwrap().storyboard.interval_frames = 1, Error::Other),
            (|plan| plan.duration_ns = Some(u64::MAX), Error::Other),
            (|plan| plan.backend = "cpu".to_owned(), Error::Backend),
            (|plan| plan.decoder = Some("fakedec".to_owned()), Error::Decoder),
            (|plan| plan.notes = vec!["x".to_owned(); 1_000], Error::Notes),
        ];
        let (media, backends) = (media(), backends());
        for (number, (lie, expected)) in lies.into_iter().enumerate() {
            let mut plan = honest(&media, &backends);
            lie(&mut plan);
            assert_eq!(checked(&plan, &media).unwrap_err(), expected, "lie {number}");
        }
    }

    #[test]
    fn a_plan_of_a_source_beyond_the_limits_is_refused() {
        let backends = backends();
        let huge = MediaInfo { video: vec![VideoStream::plain(60_000, 60_000)], ..media() };
        let refused = checked(&honest(&huge, &backends), &huge).unwrap_err();
        assert!(matches!(refused, Error::Limit(_)), "{refused}");
        let nothing = MediaInfo::default();
        let refused = checked(&honest(&media(), &backends), &nothing).unwrap_err();
        assert!(matches!(refused, Error::Source(_)), "{refused}");
    }
}
