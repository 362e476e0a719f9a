//! Every file of the corpus. Expectations come from its manifest, from ffprobe and from ffmpeg's
//! decoding of the source, never from our own output.

use std::path::Path;

use serde_json::Value;

use super::support::{Need, corpus, corpus_folder, has_ffmpeg, media, run, skip};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// Size, channels, decodability, and two frames with those of the source.
    Frames,
    /// No frames: the source has other colours, or ffmpeg reads its damage in another way.
    Streams,
    /// The segments are so small that ffmpeg does not recognise them.
    Nothing,
}

/// The expectations of a file.
#[derive(Clone, Copy, Debug)]
struct Expected {
    /// `ready`, or the code of the failure.
    outcome: &'static str,
    /// Names of the rungs of the small ladder, from the largest.
    rungs: &'static str,
    /// Size of the largest: upright, in square pixels.
    size: (u64, u64),
    /// Duration in seconds, up to the later end of video and audio.
    secs: f64,
    /// Number of audio renditions.
    audio: usize,
    /// Start and end of the video in seconds.
    video: (f64, f64),
    /// Time in the output that ffmpeg calls 0 in the source, in seconds.
    starts: f64,
    /// The parts of the output to compare with ffmpeg's reading of the source.
    compared: Compared,
    /// Only plan the file: an encode takes too long.
    plan_only: bool,
}

const fn ready(rungs: &'static str, size: (u64, u64), secs: f64, audio: usize) -> Expected {
    let video = (0.0, secs);
    let (starts, compared, plan_only) = (0.0, Compared::Frames, false);
    Expected { outcome: "ready", rungs, size, secs, audio, video, starts, compared, plan_only }
}

const fn planned(rungs: &'static str, size: (u64, u64), secs: f64, audio: usize) -> Expected {
    Expected { plan_only: true, ..ready(rungs, size, secs, audio) }
}

/// A file without video.
const fn audio_only(secs: f64, audio: usize) -> Expected {
    ready("", (0, 0), secs, audio).compared(Compared::Streams)
}

const fn failed(code: &'static str) -> Expected {
    Expected { outcome: code, ..ready("", (0, 0), 0.0, 0) }
}

impl Expected {
    const fn video(self, from: f64, to: f64) -> Self {
        Self { video: (from, to), ..self }
    }

    const fn starts(self, secs: f64) -> Self {
        Self { starts: secs, ..self }
    }

    const fn compared(self, compared: Compared) -> Self {
        Self { compared, ..self }
    }

    /// A known limitation: the outcome for now, and why it is not the right one.
    fn open(self, reason: &str, for_now: Self) -> Self {
        println!("OPEN: {reason}: it should be {self:?}");
        for_now
    }
}

macro_rules! corpus_files {
    ($($name:ident $file:literal => $expected:expr,)*) => {
        const FILES: &[&str] = &[$($file),*];
        $(#[test] fn $name() { assert_file($file, || $expected); })*
    };
}

corpus_files! {
    audio_missing_stsd_mp4 "audio_missing_stsd.mp4" => failed("source-damaged"),
    audioonly_aac_10s_mp4 "audioonly_aac_10s.mp4" => audio_only(10.008, 1),
    audioonly_aac_1s_mp4 "audioonly_aac_1s.mp4" => audio_only(1.003, 1),
    audioonly_two_tracks_stereo_51_mp4 "audioonly_two_tracks_stereo_51.mp4" => audio_only(10.005, 2),
    chunk_out_of_range_mp4 "chunk_out_of_range.mp4" => failed("source-damaged"),
    corrupt_ebml_header_mkv "corrupt_ebml_header.mkv" => failed("source-damaged"),
    crash_0_timescale_mp4 "crash_0_timescale.mp4" => failed("source-damaged"),
    crash_1257700_2873x5115_vp9_webm "crash_1257700_2873x5115_vp9.webm" => failed("source-damaged"),
    crash_1301065_duration_209146758s_mp4 "crash_1301065_duration_209146758s.mp4" => failed("source-damaged"),
    crash_1389299_fmp4_mp4 "crash_1389299_fmp4.mp4" => failed("encrypted"),
    crash_1833896_bad_timescale_mp4 "crash_1833896_bad_timescale.mp4" => failed("source-damaged"),
    crash_1840002_duration_17e9s_webm "crash_1840002_duration_17e9s.webm" => failed("source-damaged"),
    crash_1905231_probed_as_h263_webm "crash_1905231_probed_as_h263.webm" => failed("source-damaged"),
    encrypted_cenc_fmp4_mp4 "encrypted_cenc_fmp4.mp4" => failed("encrypted"),
    flv_header_only_flv "flv_header_only.flv" => failed("source-damaged"),
    ftyp_only_48bytes_mp4 "ftyp_only_48bytes.mp4" => failed("source-damaged"),
    header_only_claims_231s_720p_mp4 "header_only_claims_231s_720p.mp4" => failed("source-damaged"),
    invalid_vp9_bitstream_webm "invalid_vp9_bitstream.webm" => failed("source-damaged"),
    malformed_free_box_mp4 "malformed_free_box.mp4" => failed("source-damaged"),
    moov_without_tracks_mp4 "moov_without_tracks.mp4" => failed("source-damaged"),
    negative_duration_720p_mp4 "negative_duration_720p.mp4" => failed("source-damaged"),
    no_moov_truncated_mp4 "no_moov_truncated.mp4" => failed("source-damaged"),
    text_named_mp4 "text_named.mp4" => failed("not-media"),
    timescale_zero_bad_matrix_mp4 "timescale_zero_bad_matrix.mp4" => failed("source-damaged"),
    tiny_1x1_yuv444_1fps_mp4 "tiny_1x1_yuv444_1fps.mp4" => failed("picture-too-small"),
    truncated_262bytes_mp4 "truncated_262bytes.mp4" => failed("source-damaged"),
    truncated_at_100000_bytes_1080p_mp4 "truncated_at_100000_bytes_1080p.mp4" => failed("source-truncated"),
    ts_zero_video_frames_ts "ts_zero_video_frames.ts" => audio_only(1.672, 1),
    zero_bytes_mp4 "zero_bytes.mp4" => failed("source-empty"),
    zero_stsc_claims_41s_720p_mp4 "zero_stsc_claims_41s_720p.mp4" => failed("source-damaged"),

    bbb_1080p24_30s_aac51_mp4 "bbb_1080p24_30s_aac51.mp4" => planned("360p 240p", (640, 360), 30.016, 1), // other tests encode it
    bbb_480p24_30s_aac51_mp4 "bbb_480p24_30s_aac51.mp4" => planned("360p 240p", (640, 360), 30.016, 1), // other tests encode it
    timecode_720p30_42s_aac_mp4 "timecode_720p30_42s_aac.mp4" => planned("360p 240p", (640, 360), 42.411, 1), // other tests encode it
    avsync_1080p30_63s_av1_aac_mp4 "avsync_1080p30_63s_av1_aac.mp4" => planned("360p 240p", (640, 360), 63.089, 1), // it lasts 63 s
    black_1080p30_363s_silent_mp4 "black_1080p30_363s_silent.mp4" => planned("360p 240p", (640, 360), 362.767, 1), // it lasts 363 s
    pattern_4k_hlg_h264_high10_14s_mp4 "pattern_4k_hlg_h264_high10_14s.mp4" => planned("360p 240p", (640, 360), 14.0, 0), // tone-mapping 420 frames of 4K
    phone_hdr10_av1_720x1280_mp4 "phone_hdr10_av1_720x1280.mp4" => planned("360p 240p", (360, 640), 4.238, 1), // tone-mapping 127 frames
    testsrc_1080p60_60s_noaudio_mp4 "testsrc_1080p60_60s_noaudio.mp4" => planned("360p 240p", (640, 360), 60.0, 0), // it lasts 60 s
    testsrc_240p120_60s_noaudio_mp4 "testsrc_240p120_60s_noaudio.mp4" => planned("240p 160p", (320, 240), 60.0, 0), // it lasts 60 s

    anamorphic_sar2to1_360p_mp4 "anamorphic_sar2to1_360p.mp4" => ready("360p 240p", (1280, 360), 5.0, 0),
    anamorphic_sar2to3_360p_mp4 "anamorphic_sar2to3_360p.mp4" => ready("360p 240p", (426, 360), 2.02, 1),
    anamorphic_sar3to2_1280x1080_mp4 "anamorphic_sar3to2_1280x1080.mp4" => ready("360p 240p", (640, 360), 5.229, 1),
    android_1080p_rot90_1s_mp4 "android_1080p_rot90_1s.mp4" => ready("360p 240p", (360, 640), 1.1, 1),
    androidscreen_vfr_1080x2280_mp4 "androidscreen_vfr_1080x2280.mp4" => ready("360p 240p", (360, 760), 8.423, 0),
    anim_hevc_1080p30_10s_iccprofile_mp4 "anim_hevc_1080p30_10s_iccprofile.mp4" => ready("360p 240p", (640, 360), 10.005, 1),
    audio_shorter_than_video_mp4 "audio_shorter_than_video.mp4" => ready("240p 160p", (320, 240), 1.2, 1),
    audio_starts_1s_late_mp4 "audio_starts_1s_late.mp4" => ready("240p 160p", (320, 240), 3.099, 1).video(0.0, 2.402),
    avchd_1080i2997_ac3_mts "avchd_1080i2997_ac3.mts" => ready("360p 240p", (640, 360), 1.036, 1),
    avi_h264_wrong_length_avi "avi_h264_wrong_length.avi" => ready("144p 96p", (256, 144), 2.033, 1).video(0.1, 2.033),
    avi_inside_named_mp4 "avi_inside_named.mp4" => ready("360p 240p", (648, 360), 1.113, 0),
    bbb_720p24_30s_vp8_vorbis_webm "bbb_720p24_30s_vp8_vorbis.webm" => ready("360p 240p", (640, 360), 30.022, 1),
    browser_rec_no_duration_webm "browser_rec_no_duration.webm" => ready("360p 240p", (640, 360), 4.938, 1),
    camera_1080p50_pcm_mov "camera_1080p50_pcm.mov" => ready("360p 240p", (640, 360), 2.0, 1),
    city_mpeg2_405p_7s_mpg "city_mpeg2_405p_7s.mpg" => ready("360p 240p", (640, 360), 7.6, 0),
    clip_5fps_720p_avi "clip_5fps_720p.avi" => ready("360p 240p", (640, 360), 2.0, 0),
    clip_flv1_mp3_170x120_flv "clip_flv1_mp3_170x120.flv" => ready("120p 80p", (170, 120), 1.167, 1),
    clip_h264_360p_13s_3gp "clip_h264_360p_13s.3gp" => ready("360p 240p", (640, 360), 13.347, 0),
    clip_mpeg4_mp3_270p_avi "clip_mpeg4_mp3_270p.avi" => ready("240p 160p", (426, 240), 5.033, 1),
    clip_rv10_ac3_rm "clip_rv10_ac3.rm" => ready("240p 160p", (294, 240), 5.616, 1).video(0.0, 5.533),
    clip_theora_vorbis_300p_29s_ogv "clip_theora_vorbis_300p_29s.ogv" => ready("240p 160p", (320, 240), 29.533, 1),
    clip_wmv2_wmav2_240p_wmv "clip_wmv2_wmav2_240p.wmv" => ready("240p 160p", (320, 240), 5.629, 1).video(0.0, 5.533),
    corrupted_720p_10fps_mp4 "corrupted_720p_10fps.mp4" => ready("360p 240p", (640, 360), 5.0, 0),
    crash_1187067_h264_128x90_mp4 "crash_1187067_h264_128x90.mp4" => ready("90p 60p", (160, 90), 0.08, 0),
    crash_1414444_timestamps_85017s_mp4 "crash_1414444_timestamps_85017s.mp4" => ready("240p 160p", (320, 240), 2.067, 0).compared(Compared::Streams),
    crash_1903669_h264_mp4 "crash_1903669_h264.mp4" => ready("240p 160p", (400, 240), 0.8, 0),
    crash_789075_9841x705_vp8_webm "crash_789075_9841x705_vp8.webm" => ready("360p 240p", (5026, 360), 0.033, 0),
    crash_zero_dimensions_track_mp4 "crash_zero_dimensions_track.mp4" => ready("18p 12p", (32, 18), 0.938, 1).compared(Compared::Streams),
    date_named_160x120_mp4 "date_named_160x120.mp4" => ready("120p 80p", (160, 120), 2.0, 0),
    editlist_trims_start_mp4 "editlist_trims_start.mp4" => ready("360p 240p", (640, 360), 9.008, 1),
    eight_mono_audio_tracks_720p50_422_mp4 "eight_mono_audio_tracks_720p50_422.mp4" => ready("360p 240p", (640, 360), 10.005, 8),
    empty_second_video_track_mp4 "empty_second_video_track.mp4" => ready("360p 240p", (540, 360), 1.089, 1).video(0.0, 1.001),
    extreme_16x4000_ts "extreme_16x4000.ts" => ready("16p 10p", (16, 4000), 1.0, 0),
    failing_audio_360p_mp4 "failing_audio_360p.mp4" => ready("360p 240p", (640, 360), 11.234, 1),
    first_pts_10s_editlist_mp4 "first_pts_10s_editlist.mp4" => ready("360p 240p", (640, 360), 14.0, 0).video(10.0, 14.0).starts(10.0),
    fmp4_1080p_rot90_51_mp4 "fmp4_1080p_rot90_51.mp4" => ready("360p 240p", (360, 640), 2.005, 1).video(0.083, 1.958),
    fmp4_bad_duration_mp4 "fmp4_bad_duration.mp4" => ready("360p 240p", (540, 360), 1.068, 1).video(0.067, 1.068),
    hlg10_hevc_1080p_9frames_mp4 "hlg10_hevc_1080p_9frames.mp4" => ready("360p 240p", (640, 360), 0.3, 1).compared(Compared::Streams),
    invalid_nalu_mp4 "invalid_nalu.mp4" => ready("360p 240p", (540, 360), 1.001, 0),
    iphone_320p_rot270_3frames_mov "iphone_320p_rot270_3frames.mov" => ready("240p 160p", (240, 426), 0.1, 0),
    iphone_hlg_dolbyvision_rot90_noaudio_mov "iphone_hlg_dolbyvision_rot90_noaudio.mov" => ready("360p 240p", (360, 640), 1.667, 0).compared(Compared::Streams),
    iphone_portrait_rot90_320p_mov "iphone_portrait_rot90_320p.mov" => ready("240p 160p", (240, 426), 2.069, 1),
    macscreen_vfr_3026x1386_mp4 "macscreen_vfr_3026x1386.mp4" => ready("360p 240p", (786, 360), 8.726, 0).video(0.0, 7.34),
    matroska_test5_multisub_576p_mkv "matroska_test5_multisub_576p.mkv" => ready("360p 240p", (640, 360), 2.017, 2),
    mdat_longer_than_file_mp4 "mdat_longer_than_file.mp4" => ready("360p 240p", (540, 360), 1.089, 1).video(0.0, 1.001),
    mkv_ac3_mono_1080x720_mkv "mkv_ac3_mono_1080x720.mkv" => ready("360p 240p", (540, 360), 1.139, 1).video(0.067, 1.05).starts(0.067),
    mkv_ass_mkv "mkv_ass.mkv" => ready("360p 240p", (540, 360), 1.139, 1).video(0.067, 1.05),
    mkv_chapters_attachment_288p_18s_mkv "mkv_chapters_attachment_288p_18s.mkv" => ready("240p 160p", (320, 240), 17.845, 1),
    mkv_pgs_mkv "mkv_pgs.mkv" => ready("360p 240p", (540, 360), 1.01, 1).video(0.0, 0.05),
    mkv_srt_mkv "mkv_srt.mkv" => ready("360p 240p", (540, 360), 1.072, 1).video(0.0, 0.983),
    mkv_webvtt_mkv "mkv_webvtt.mkv" => ready("200p 132p", (300, 200), 2.0, 1),
    mp4_3chapters_mp4 "mp4_3chapters.mp4" => ready("360p 240p", (540, 360), 1.089, 1).video(0.0, 1.001),
    mp4_tx3g_subtitles_mp4 "mp4_tx3g_subtitles.mp4" => ready("200p 132p", (300, 200), 2.0, 1),
    mpeg1_sar64to45_cif_mpg "mpeg1_sar64to45_cif.mpg" => ready("240p 160p", (418, 240), 1.5, 1),
    nasa_two_video_two_audio_two_sub_mp4 "nasa_two_video_two_audio_two_sub.mp4" => ready("180p 120p", (320, 180), 13.056, 2),
    no_sync_sample_table_mp4 "no_sync_sample_table.mp4" => ready("360p 240p", (540, 360), 1.001, 0),
    noaudio_480p_mp4 "noaudio_480p.mp4" => ready("360p 240p", (480, 360), 5.229, 0).video(0.227, 5.229).starts(0.226),
    odd_161x121_vp9_webm "odd_161x121_vp9.webm" => ready("120p 80p", (160, 120), 1.001, 0),
    partially_fragmented_mp4 "partially_fragmented.mp4" => ready("360p 240p", (540, 360), 1.022, 1).video(0.0, 0.934).starts(-0.133),
    pattern_480i_bff_mpeg2_mkv "pattern_480i_bff_mpeg2.mkv" => ready("360p 240p", (640, 360), 10.016, 1),
    people_12fps_gif "people_12fps.gif" => ready("240p 160p", (426, 240), 1.917, 0)
        .open("no demuxer of GIF comes to an end here", failed("undecodable")),
    phone_480p_rot90_editlist_mp4 "phone_480p_rot90_editlist.mp4" => ready("360p 240p", (360, 480), 5.229, 1).video(0.227, 5.229),
    phone_4k60_rot90_18frames_mp4 "phone_4k60_rot90_18frames.mp4" => ready("360p 240p", (360, 640), 0.313, 1),
    phone_720p_rot180_vfr_mp4 "phone_720p_rot180_vfr.mp4" => ready("360p 240p", (640, 360), 2.417, 1),
    phone_h263_amr_cif_3gp "phone_h263_amr_cif.3gp" => ready("240p 160p", (420, 240), 5.576, 1),
    phone_mpeg4_amr_qcif_3gp "phone_mpeg4_amr_qcif.3gp" => ready("144p 96p", (176, 144), 4.933, 1),
    phonecam_vp9_opus_480p_880fps_webm "phonecam_vp9_opus_480p_880fps.webm" => ready("360p 240p", (480, 360), 5.229, 1).video(0.227, 5.229).starts(0.01),
    portrait_576x1024_16s_mp4 "portrait_576x1024_16s.mp4" => ready("360p 240p", (360, 640), 16.207, 1),
    quicktime_mjpeg_422_320x240_mov "quicktime_mjpeg_422_320x240.mov" => ready("240p 160p", (320, 240), 1.0, 0),
    quicktime_prores422_320x240_mov "quicktime_prores422_320x240.mov" => ready("240p 160p", (320, 240), 1.0, 0),
    rotate_and_mirror_1080x720_mp4 "rotate_and_mirror_1080x720.mp4" => ready("360p 240p", (360, 540), 1.089, 1).video(0.0, 1.001),
    sd_mpeg2_576p_mxf "sd_mpeg2_576p.mxf" => ready("360p 240p", (480, 360), 10.64, 0),
    single_frame_46x48_mp4 "single_frame_46x48.mp4" => ready("46p 30p", (46, 48), 1.0, 0),
    single_frame_hevc_480p_mp4 "single_frame_hevc_480p.mp4" => ready("360p 240p", (480, 360), 0.04, 0),
    slides_1fps_yuvj444_sar3to4_mp4 "slides_1fps_yuvj444_sar3to4.mp4" => ready("180p 120p", (240, 180), 30.0, 0),
    tiny_16x16_10fps_mp4 "tiny_16x16_10fps.mp4" => ready("16p 10p", (16, 16), 1.0, 0),
    tiny_2x2_one_frame_mp4 "tiny_2x2_one_frame.mp4" => ready("2p", (2, 2), 0.158, 1).compared(Compared::Nothing),
    ts_duplicate_audio_dts_ts "ts_duplicate_audio_dts.ts" => ready("360p 240p", (640, 360), 2.0, 1),
    ts_missing_sei_and_pes_ts "ts_missing_sei_and_pes.ts" => ready("90p 60p", (160, 90), 1.2, 0),
    undefined_dar_480p_mp4 "undefined_dar_480p.mp4" => ready("360p 240p", (480, 360), 3.41, 1),
    video_starts_1s_late_1080p_mp4 "video_starts_1s_late_1080p.mp4" => ready("360p 240p", (640, 360), 10.005, 1).video(1.0, 10.0),
    vp9_profile2_10bit_240p_webm "vp9_profile2_10bit_240p.webm" => ready("240p 160p", (426, 240), 3.003, 0),
    webcam_h264_aac_360p_19s_flv "webcam_h264_aac_360p_19s.flv" => ready("360p 240p", (640, 360), 19.033, 1).video(0.067, 19.033),
}

#[test]
fn every_file_is_in_the_table() {
    let Ok(entries) = std::fs::read_dir(corpus_folder()) else {
        return skip(Need::Corpus, "the corpus is not there");
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let unknown: Vec<String> = names.filter(|name| !FILES.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "the table lacks {unknown:?}");
}

/// Plans or transcodes the file and compares.
fn assert_file(file: &str, expected: impl Fn() -> Expected) {
    let Some(input) = corpus(file) else { return };
    let expected = expected();
    let out = tempfile::tempdir().unwrap();
    if expected.plan_only {
        let run = run::plan(&input);
        assert_eq!(run.outcome(), expected.outcome, "{run:?}");
        return assert_plan(&serde_json::from_str(&run.stdout).unwrap(), &expected);
    }
    let run = run::transcode(&input, out.path(), &[]);
    assert_eq!(run.outcome(), expected.outcome, "{run:?}");
    assert_eq!(run::unfinished(out.path()), Vec::<std::path::PathBuf>::new());
    let main = out.path().join("main.m3u8");
    assert_eq!(main.try_exists().unwrap(), expected.outcome == "ready");
    if expected.outcome != "ready" {
        return;
    }
    let plan = &run.event("planned").unwrap()["plan"];
    assert_plan(plan, &expected);
    assert_duration(&run, plan, &expected);
    if !has_ffmpeg() {
        return;
    }
    if expected.compared != Compared::Nothing {
        assert_streams(out.path(), &expected);
    }
    if expected.compared == Compared::Frames {
        assert_frames(&input, out.path(), &expected);
    }
}

fn assert_plan(plan: &Value, expected: &Expected) {
    let rungs = plan["video"]["rungs"].as_array().unwrap();
    let names: Vec<&str> = rungs.iter().map(|rung| rung["name"].as_str().unwrap()).collect();
    assert_eq!(names.join(" "), expected.rungs);
    let side = |name: &str| rungs.first().map_or(0, |rung| rung[name].as_u64().unwrap());
    assert_eq!((side("width"), side("height")), expected.size);
    let audio = plan["audio"].as_array().unwrap();
    assert_eq!(audio.len(), expected.audio);
    assert!(audio.iter().all(|track| track["channels"] == 2), "{audio:#?}");
}

/// The duration is that of the source, within two frames of video or four of audio (80 ms).
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of minutes")]
fn assert_duration(run: &run::Run, plan: &Value, expected: &Expected) {
    let secs = run.event("done").unwrap()["duration_ns"].as_u64().unwrap() as f64 / 1e9;
    let fps = &plan["video"]["fps"];
    let frame_secs = fps["den"].as_f64().unwrap() / fps["num"].as_f64().unwrap().max(1.0);
    let tolerated = if expected.rungs.is_empty() { 0.08 } else { (2.0 * frame_secs).max(0.08) };
    assert!((secs - expected.secs).abs() <= tolerated, "{secs} s, not {} s", expected.secs);
}

/// Renditions have the size and channels of the plan, and decode.
fn assert_streams(out: &Path, expected: &Expected) {
    let uri = |name: &str| out.join(name).join("index.m3u8").display().to_string();
    if let Some(top) = expected.rungs.split_whitespace().next() {
        let (width, height, _) = media::size_and_frames(&uri(top));
        assert_eq!((u64::from(width), u64::from(height)), expected.size);
        assert_eq!(media::decode_errors(&uri(top)), "");
    }
    let folders = std::fs::read_dir(out).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let audio: Vec<String> = names.filter(|name| name.starts_with("audio-")).collect();
    assert_eq!(audio.len(), expected.audio, "{audio:?}");
    for rendition in audio {
        assert_eq!(media::channels(&uri(&rendition)), 2, "{rendition}");
    }
}

/// Two frames are those that ffmpeg decodes and rotates: the same scene, orientation and colours at the
/// same time. The match may be up to 80 ms away, as this test is not about exact frame counts.
fn assert_frames(input: &Path, out: &Path, expected: &Expected) {
    let ours = out.join(expected.rungs.split(' ').next().unwrap()).join("index.m3u8");
    let (from, to) = expected.video;
    for share in [0.2, 0.7] {
        let at = if to - from < 0.25 { from } else { from + (to - from) * share };
        let shown = |secs: f64| format!("fps=25,select=gte(t\\,{:.3})", secs.max(0.0));
        let match_found = [0.0, -0.04, 0.04, -0.08, 0.08]
            .into_iter()
            .map(|off| media::ssim(&ours, &shown(at), input, &shown(at - expected.starts + off)))
            .any(|ssim| ssim >= SAME_FRAME);
        assert!(match_found, "at {at:.2} s the frame is not that of the source");
    }
}

/// Least SSIM of the same frame at these sizes and rates, measured on the corpus. Frames that are
/// upside down or have other colours are below 0.7.
const SAME_FRAME: f64 = 0.85;
