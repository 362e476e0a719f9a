//! The second part of the corpus: files that nobody had tuned for.

use std::path::PathBuf;

use super::super::support::corpus_file;
use super::corpus_files;
use super::expected::{Compared, audio_only, failed, ready};

fn dev2(file: &str) -> Option<PathBuf> {
    corpus_file(&format!("dev2/{file}"))
}

corpus_files! {
    dev2;
    test {
    android_hevc_rot90_mett_first_mp4 "android_hevc_rot90_mett_first.mp4" => ready("360p 240p", (360, 640), 0.1, 1),
    audioonly_opus51_8khz_input_ogg "audioonly_opus51_8khz_input.ogg" => audio_only(3.0, 1),
    canon_h264_cropped_by_container_1080_mov "canon_h264_cropped_by_container_1080.mov" => ready("360p 240p", (640, 360), 0.034, 0),
    dnxhr_hqx_12bit_1080p_mov "dnxhr_hqx_12bit_1080p.mov" => ready("360p 240p", (640, 360), 0.042, 0),
    dolbyvision_p5_360p60_mp4 "dolbyvision_p5_360p60.mp4" => failed("undecodable"),
    flv_426x240_cut_claims_210s_flv "flv_426x240_cut_claims_210s.flv" => ready("240p 160p", (426, 240), 11.7, 1)
        .differs(&["frames-early"], "B-frames without composition times: ffmpeg guesses a frame later"),
    hdr10_hevc_rot90_attachment_mkv "hdr10_hevc_rot90_attachment.mkv" => ready("360p 240p", (320, 560), 0.4, 0),
    iphone_480x272_rot90_audio_first_mp4 "iphone_480x272_rot90_audio_first.mp4" => ready("360p 240p", (272, 480), 3.5, 1),
    ismv_320x240_sar4to3_ismv "ismv_320x240_sar4to3.ismv" => ready("240p 160p", (426, 240), 10.067, 1),
    mac_gamma22_fullrange_320x240_60_mp4 "mac_gamma22_fullrange_320x240_60.mp4" => ready("240p 160p", (320, 240), 1.008, 1),
    mp4_fragments_claim_3900s_mp4 "mp4_fragments_claim_3900s.mp4" => ready("360p 240p", (640, 360), 8.0, 0),
    mp4_hevc_two_stsd_mp4 "mp4_hevc_two_stsd.mp4" => ready("128p 84p", (128, 128), 0.16, 0)
        .differs(&["colour"], "the size changes: ffmpeg stretches frames, we keep their shape"),
    mp4_three_edits_one_ctts_mp4 "mp4_three_edits_one_ctts.mp4" => ready("360p 240p", (480, 360), 2.0, 0),
    mp4_two_edits_end_on_bframe_mp4 "mp4_two_edits_end_on_bframe.mp4" => ready("360p 240p", (480, 360), 1.75, 0),
    mvhd_scaled_matrix_540x576_mp4 "mvhd_scaled_matrix_540x576.mp4" => ready("360p 240p", (480, 360), 1.0, 0),
    pattern_480_soft_telecine_ts "pattern_480_soft_telecine.ts" => ready("360p 240p", (640, 360), 10.043, 1),
    prores422_interlaced_1080_mov "prores422_interlaced_1080.mov" => ready("360p 240p", (640, 360), 0.067, 0),
    prores_pq_hdr10_5frames_mxf "prores_pq_hdr10_5frames.mxf" => ready("360p 240p", (640, 360), 0.083, 2).is_static(),
    ps_480x480i_svcd_mpg "ps_480x480i_svcd.mpg" => ready("360p 240p", (480, 360), 0.727, 1)
        .known(&["audio", "duration", "frames-early", "frames-lost"], "the audio before the first frame is lost"),
    rot90_sar1to2_160x240_cut_mp4 "rot90_sar1to2_160x240_cut.mp4" => ready("240p 160p", (240, 320), 1.1, 0)
        .differs(&["wrong-size"], "the movie's matrix stretches the turned frame: down (6.2.2); ffmpeg stretches it first"),
    samsung_motionphoto_trailer_rot90_mp4 "samsung_motionphoto_trailer_rot90.mp4" => ready("360p 240p", (360, 480), 3.11, 1),
    samsung_slowmo_sef_12khz_mp4 "samsung_slowmo_sef_12khz.mp4" => ready("240p 160p", (320, 240), 2.152, 1),
    sony_imx_720x608_8ch_mxf "sony_imx_720x608_8ch.mxf" => ready("360p 240p", (480, 360), 0.16, 1),
    surveillance_mpeg4_8_alaw_mxf "surveillance_mpeg4_8_alaw.mxf" => ready("360p 240p", (512, 288), 4.0, 4)
        .known(&["undecodable"], "no demuxer here knows MPEG-4 in MXF"),
    ts_608_captions_360x240_ts "ts_608_captions_360x240.ts" => ready("240p 160p", (360, 240), 6.039, 0),
    ts_declared_audio_absent_ts "ts_declared_audio_absent.ts" => ready("360p 240p", (392, 300), 8.933, 1),
    ts_dvb_hevc_1080p50_latm_ts "ts_dvb_hevc_1080p50_latm.ts" => ready("360p 240p", (640, 360), 1.144, 1).broken(11),
    ts_h264_dts_audio_ts "ts_h264_dts_audio.ts" => ready("360p 240p", (540, 360), 0.1, 1),
    ts_h264_field_two_mp2_1080i_ts "ts_h264_field_two_mp2_1080i.ts" => ready("360p 240p", (640, 360), 2.476, 2).broken(6),
    ts_missing_dts_1080p60_ts "ts_missing_dts_1080p60.ts" => ready("360p 240p", (640, 360), 2.0, 0),
    ts_pat_pmt_in_the_middle_ts "ts_pat_pmt_in_the_middle.ts" => ready("360p 240p", (640, 360), 0.65, 1).is_static(),
    ts_pmt_change_new_pids_ts "ts_pmt_change_new_pids.ts" => failed("no-video"),
    ts_pts_wrap_bear_ts "ts_pts_wrap_bear.ts" => ready("360p 240p", (640, 360), 2.763, 1),
    vp9_profile1_440_webm "vp9_profile1_440.webm" => ready("90p 60p", (160, 90), 0.2, 0)
        .known(&["undecodable"], "the decoder refuses 4:4:0"),
    webm_no_streams_webm "webm_no_streams.webm" => failed("no-video"),
    webm_nonzero_start_webm "webm_nonzero_start.webm" => ready("240p 160p", (320, 240), 0.4, 1),
    whatsapp_gif_360x282_14fps_mp4 "whatsapp_gif_360x282_14fps.mp4" => ready("360p 240p", (360, 282), 1.4, 0),
    wmv3_drm_wmv "wmv3_drm.wmv" => failed("encrypted"),
    }
    corpus {
    gopro_karma_480p_tmcd_gpmd_fdsc_mp4 "gopro_karma_480p_tmcd_gpmd_fdsc.mp4" => ready("360p 240p", (640, 360), 12.079, 1),
    mediarecorder_chrome52_vp8_opus_webm "mediarecorder_chrome52_vp8_opus.webm" => ready("360p 240p", (480, 360), 50.784, 1),
    wmv8_x8intra_34s_wmv "wmv8_x8intra_34s.wmv" => ready("240p 160p", (320, 240), 35.04, 1),
    rv40_cook_576x320_cut_rmvb "rv40_cook_576x320_cut.rmvb" => ready("360p 240p", (576, 320), 21.73, 1),
    mp4_rtp_hint_tracks_3gp "mp4_rtp_hint_tracks.3gp" => ready("144p 96p", (176, 144), 70.0, 1),
    flv_nellymoser_gap_9s_flv "flv_nellymoser_gap_9s.flv" => ready("360p 240p", (640, 340), 21.292, 1)
        .known(&["audio", "silent"], "the sound begins at 9.25 s, when the demuxer has announced all of its streams"),
    fullrange_bt470bg_icc_1080p25_mp4 "fullrange_bt470bg_icc_1080p25.mp4" => ready("360p 240p", (640, 360), 5.056, 1),
    pixel7_1080p_rot180_fullrange_mp4 "pixel7_1080p_rot180_fullrange.mp4" => ready("360p 240p", (640, 360), 1.205, 0),
    av1_film_grain_10bit_ivf "av1_film_grain_10bit.ivf" => ready("360p 240p", (352, 288), 0.333, 0),
    vp9_profile3_444_12bit_webm "vp9_profile3_444_12bit.webm" => ready("90p 60p", (160, 90), 0.2, 0),
    vp8_alpha_320x213_webm "vp8_alpha_320x213.webm" => ready("212p 140p", (320, 212), 4.0, 0),
    xvid_packed_bframes_544x352_avi "xvid_packed_bframes_544x352.avi" => ready("360p 240p", (544, 352), 0.5, 0),
    spatial_mvhevc_1080p_11frames_mov "spatial_mvhevc_1080p_11frames.mov" => ready("360p 240p", (640, 360), 0.367, 0).is_static(),
    mp4_stream_shorter_than_movie_mp4 "mp4_stream_shorter_than_movie.mp4" => ready("360p 240p", (480, 360), 1.0, 1),
    h264_in_avi_mp3_annexb_avi "h264_in_avi_mp3_annexb.avi" => ready("240p 160p", (320, 240), 1.29, 1),
    gotomeeting_g2m2_1024x768_wmv "gotomeeting_g2m2_1024x768.wmv" => ready("360p 240p", (480, 360), 10.048, 1).is_static()
        .known(&["colour"], "blue is up to 3.7 levels low"),
    ts_dvbt2_1080i_three_eac3_dvbsub_ts "ts_dvbt2_1080i_three_eac3_dvbsub.ts" => ready("360p 240p", (640, 360), 1.906, 3)
        .compared(Compared::Streams), // ffmpeg decodes one frame of four
    dnxhr_lb_720p_mxf "dnxhr_lb_720p.mxf" => ready("360p 240p", (640, 360), 0.417, 0)
        .known(&["undecodable"], "the demuxer does not name the codec"),
    }
}
