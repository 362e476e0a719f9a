//! Files that `dev2/make.sh` of the corpus makes, with the properties of public bug reports. Most have a
//! white frame and a beep at each whole second.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::support::{corpus_file, has_ffmpeg};
use super::corpus_files;
use super::expected::ready;

/// The file of this name, made by the first test that asks.
fn made(name: &str) -> Option<PathBuf> {
    let script = corpus_file("dev2/make.sh")?;
    if !has_ffmpeg() {
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    std::fs::create_dir_all(&folder).unwrap();
    // Tests run in processes of their own.
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let path = folder.join("made").join(name);
    if !path.is_file() {
        let run = Command::new("bash").arg(script).arg(&folder).arg(name).output().unwrap();
        assert!(path.is_file(), "{run:?}");
    }
    Some(path)
}

corpus_files! {
    made;
    test {
    ambisonic_4ch_opus_webm "ambisonic_4ch_opus.webm" => ready("240p 160p", (320, 240), 6.0, 1),
    apac_first_audio_mov "apac_first_audio.mov" => ready("240p 160p", (320, 240), 6.0, 1).streams(0, 1),
    audio_10s_video_2s_mp4 "audio_10s_video_2s.mp4" => ready("240p 160p", (320, 240), 10.0, 1),
    canon_like_hevc_422_10_tmcd_mov "canon_like_hevc_422_10_tmcd.mov" => ready("360p 240p", (640, 360), 3.0, 1),
    disabled_first_video_track_mp4 "disabled_first_video_track.mp4" => ready("240p 160p", (320, 240), 6.0, 1).streams(1, 0),
    fps_25_then_60_mp4 "fps_25_then_60.mp4" => ready("240p 160p", (320, 240), 5.1, 0),
    fullrange_bars_flag_only_in_vui_mkv "fullrange_bars_flag_only_in_vui.mkv" => ready("360p 240p", (640, 360), 2.0, 0).is_static(),
    hd_bars_tagged_bt601_mp4 "hd_bars_tagged_bt601.mp4" => ready("360p 240p", (640, 360), 2.0, 0).is_static(),
    iphone60_timescale600_mov "iphone60_timescale600.mov" => ready("240p 160p", (320, 240), 6.07, 1),
    mkv_audio_delay_1960ms_mkv "mkv_audio_delay_1960ms.mkv" => ready("240p 160p", (320, 240), 7.97, 1),
    mkv_starts_1h_mkv "mkv_starts_1h.mkv" => ready("240p 160p", (320, 240), 6.02, 1),
    obs_fragmented_interrupted_mp4 "obs_fragmented_interrupted.mp4" => ready("360p 240p", (640, 360), 4.03, 1)
        .differs(&["frames-lost", "too-short"], "ffmpeg decodes twelve frames of the fragment that is cut"),
    reserved_colour_848x480_mp4 "reserved_colour_848x480.mp4" => ready("360p 240p", (636, 360), 2.0, 1),
    slowmo_240fps_2s_mov "slowmo_240fps_2s.mov" => ready("240p 160p", (320, 240), 2.0, 1),
    timelapse_0_1fps_60s_mp4 "timelapse_0_1fps_60s.mp4" => ready("360p 240p", (640, 360), 60.0, 0),
    ts_audio_48k_then_44k_mono_ts "ts_audio_48k_then_44k_mono.ts" => ready("240p 160p", (320, 240), 6.015, 1),
    ts_gap_5s_ts "ts_gap_5s.ts" => ready("240p 160p", (320, 240), 11.0, 1),
    ts_intra_refresh_no_idr_ts "ts_intra_refresh_no_idr.ts" => ready("240p 160p", (320, 240), 6.57, 1),
    ts_progressive_then_mbaff_ts "ts_progressive_then_mbaff.ts" => ready("360p 240p", (450, 360), 6.008, 1),
    ts_single_idr_ts "ts_single_idr.ts" => ready("360p 240p", (640, 360), 0.04, 0),
    ultrawide_3840x1080_mp4 "ultrawide_3840x1080.mp4" => ready("360p 240p", (640, 180), 0.6, 0),
    vfr_15360_pairs_gap_mp4 "vfr_15360_pairs_gap.mp4" => ready("240p 160p", (320, 240), 6.25, 1),
    }
    corpus {
    mkv_gap_120s_mkv "mkv_gap_120s.mkv" => ready("240p 160p", (320, 240), 126.0, 1),
    dji_like_data_tracks_mp4 "dji_like_data_tracks.mp4" => ready("240p 160p", (320, 240), 6.0, 1),
    mdat_size_0_mp4 "mdat_size_0.mp4" => ready("240p 160p", (320, 240), 6.0, 1),
    pasp_zero_mp4 "pasp_zero.mp4" => ready("240p 160p", (320, 240), 6.0, 1),
    audio_51_truehd_mkv "audio_51_truehd.mkv" => ready("240p 160p", (320, 240), 6.0, 1),
    odd_1081x1919_vp9_webm "odd_1081x1919_vp9.webm" => ready("360p 240p", (360, 640), 0.4, 0),
    }
}
