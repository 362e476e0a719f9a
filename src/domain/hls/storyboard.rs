//! The storyboard as `WebVTT`: which part of which sheet shows what time. Players show it above
//! their progress bar.

use super::media_playlist::line;
use super::names;
use super::webvtt::time;
use crate::domain::plan::{StoryboardPlan, VideoPlan};

/// The text for so many pictures of a video that lasts so long. Each cue names a rectangle of a
/// sheet by a media fragment (`#xywh=`).
#[must_use]
pub fn render(video: &VideoPlan, plan: &StoryboardPlan, tiles: u32, duration_ns: u64) -> String {
    let begin_ns = |tile| video.frame_time_ns(u64::from(tile) * u64::from(plan.interval_frames));
    let mut text = String::from("WEBVTT\n");
    for tile in 0..tiles {
        let end_ns = if tile + 1 == tiles { duration_ns } else { begin_ns(tile + 1) };
        let (sheet, place) = (tile / plan.tiles_per_sheet(), tile % plan.tiles_per_sheet());
        let x = place % plan.columns * plan.tile_width;
        let y = place / plan.columns * plan.tile_height;
        let (begin, end) = (time(begin_ns(tile)), time(end_ns.max(begin_ns(tile) + 1_000_000)));
        let (name, width, height) = (names::sheet(sheet), plan.tile_width, plan.tile_height);
        line(&mut text, format_args!("\n{begin} --> {end}\n{name}#xywh={x},{y},{width},{height}"));
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
    fn a_storyboard_reads_like_this() {
        let plan = film(250);
        let storyboard = &plan.pictures.as_ref().unwrap().storyboard;
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
    fn pictures_are_a_hundredth_apart_within_bounds_and_posters_are_sought_at_the_beginning() {
        let table = [(5, 30, 10), (30, 30, 10), (250, 75, 25), (7200, 300, 30)];
        for (secs, interval, candidates) in table {
            let pictures = film(secs).pictures.unwrap();
            assert_eq!(pictures.storyboard.interval_frames, interval, "{secs} s");
            assert_eq!(pictures.poster_candidates, candidates, "{secs} s");
            assert_eq!(pictures.poster_rung, 1, "720p");
        }
    }

    #[test]
    fn a_portrait_and_a_tiny_picture_keep_their_shape() {
        for (width, height, tile) in [(1080, 1920, (144, 256)), (16, 16, (10, 10)), (2, 2, (2, 2))]
        {
            let stream = VideoStream::plain(width, height);
            let media = MediaInfo { video: vec![stream], ..MediaInfo::default() };
            let plan = plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu").unwrap();
            let storyboard = plan.pictures.unwrap().storyboard;
            assert_eq!((storyboard.tile_width, storyboard.tile_height), tile);
        }
    }
}
