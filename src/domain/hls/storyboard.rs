//! The storyboard as `WebVTT`: for each interval of time, the rectangle of a sheet that shows it.
//! Players display it above their progress bar.

use super::names;
use super::text::push_line;
use super::webvtt::timestamp;
use crate::domain::plan::{StoryboardPlan, VideoPlan};

/// Renders the storyboard of a video of this duration with `tiles` frames on its sheets. Each cue
/// names a rectangle of a sheet by a spatial media fragment (`#xywh=`).
#[must_use]
pub fn render(video: &VideoPlan, plan: &StoryboardPlan, tiles: u32, duration_ns: u64) -> String {
    let begin_ns = |tile| video.frame_time_ns(u64::from(tile) * u64::from(plan.interval_frames));
    let mut text = String::from("WEBVTT\n");
    for tile in 0..tiles {
        let end_ns = if tile + 1 == tiles { duration_ns } else { begin_ns(tile + 1) };
        let (sheet, place) = (tile / plan.tiles_per_sheet(), tile % plan.tiles_per_sheet());
        let x = place % plan.columns * plan.tile_width;
        let y = place / plan.columns * plan.tile_height;
        let begin = timestamp(begin_ns(tile));
        let end = timestamp(end_ns.max(begin_ns(tile) + 1_000_000));
        let (name, width, height) =
            (names::storyboard_sheet(sheet), plan.tile_width, plan.tile_height);
        push_line(
            &mut text,
            format_args!("\n{begin} --> {end}\n{name}#xywh={x},{y},{width},{height}"),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::domain::encode::EncodeConfig;
    use crate::domain::ladder::Ladder;
    use crate::domain::media::{Fraction, MediaInfo, VideoStream};
    use crate::domain::plan::{Plan, plan};

    use super::*;

    fn film(duration_secs: u64) -> Plan {
        let fps = Fraction::new(30000, 1001);
        let stream = VideoStream { fps, ..VideoStream::plain(1920, 1080) };
        let duration_ns = Some(duration_secs * 1_000_000_000);
        let media = MediaInfo { video: vec![stream], duration_ns, ..MediaInfo::default() };
        plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu").unwrap()
    }

    #[test]
    fn a_storyboard_of_two_sheets() {
        let plan = film(250);
        let storyboard = &plan.thumbnails.as_ref().unwrap().storyboard;
        assert_eq!(storyboard.interval_frames, 75, "a hundredth of the length");
        let text = render(&plan.video, storyboard, 27, 67_000_000_000);
        let cues: Vec<&str> = text.split("\n\n").collect();
        insta::assert_snapshot!([cues[0], cues[1], cues[7], cues[26], cues[27]].join("\n\n"), @"
        WEBVTT

        00:00:00.000 --> 00:00:02.503
        storyboard_000.jpg#xywh=0,0,256,144

        00:00:15.015 --> 00:00:17.518
        storyboard_000.jpg#xywh=256,144,256,144

        00:01:02.563 --> 00:01:05.065
        storyboard_001.jpg#xywh=0,0,256,144

        00:01:05.065 --> 00:01:07.000
        storyboard_001.jpg#xywh=256,0,256,144
        ");
    }

    #[test]
    fn tiles_are_a_hundredth_apart_within_bounds_and_posters_come_from_the_beginning() {
        let table = [(5, 30, 10), (30, 30, 10), (250, 75, 25), (7200, 300, 30)];
        for (secs, interval, candidates) in table {
            let thumbnails = film(secs).thumbnails.unwrap();
            assert_eq!(thumbnails.storyboard.interval_frames, interval, "{secs} s");
            assert_eq!(thumbnails.poster_candidates, candidates, "{secs} s");
            assert_eq!(thumbnails.poster_rung, 1, "720p");
        }
    }

    #[test]
    fn tiles_keep_the_aspect_ratio_of_portrait_and_tiny_frames() {
        for (width, height, tile) in [(1080, 1920, (144, 256)), (16, 16, (10, 10)), (2, 2, (2, 2))]
        {
            let stream = VideoStream::plain(width, height);
            let media = MediaInfo { video: vec![stream], ..MediaInfo::default() };
            let plan = plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu").unwrap();
            let storyboard = plan.thumbnails.unwrap().storyboard;
            assert_eq!((storyboard.tile_width, storyboard.tile_height), tile);
        }
    }
}
