// The menu of rungs: automatic, or one of them, with the rate of each.

import "videojs-contrib-quality-menu";
import { watch as text } from "../../text/watch";
import { bitrate } from "../../ui/format";
import { levelName, type Player, type QualityLevel, type QualityLevels, videojs } from "./videojs";

interface Group {
  levels: number[];
  label: string;
  controlText: string;
  subLabel: string;
  active?: boolean;
}

interface Item {
  levels_: number[];
  selected_: boolean;
  subLabel_: HTMLElement;
}

// The part of the plugin's button that is used here.
interface Button {
  qualityLevels_: QualityLevels;
  autoMenuItem_?: Item;
  items?: Item[];
  el(): HTMLElement;
  handleQualityChange_(): void;
  controlText(text: string): void;
}

type Base = new (player: Player, options?: object) => Button;

// The plugin looks its button up by this name.
const NAME = "QualityMenuButton";
const PluginButton = videojs.getComponent(NAME) as unknown as Base;

/** The plugin names rungs by their height, which is wrong for upright videos, and shows no rates. */
class QualityButton extends PluginButton {
  constructor(player: Player, options?: object) {
    super(player, options);
    this.controlText(text.quality);
    this.el().querySelector("button")?.setAttribute("aria-label", text.quality);
  }

  groupByResolution_(): Group[] {
    const levels = Array.from(this.qualityLevels_ as unknown as ArrayLike<QualityLevel>);
    const ranked = levels
      .map((level, index) => ({ level, index }))
      .filter(({ level }) => level.height)
      .sort((a, b) => b.level.bitrate - a.level.bitrate);
    const groups = new Map<string, Group>();
    for (const { level, index } of ranked) {
      const label = levelName(level);
      const group = groups.get(label) ?? {
        levels: [],
        label,
        controlText: "",
        subLabel: bitrate(level.bitrate),
      };
      group.levels.push(index);
      if (index === this.qualityLevels_.selectedIndex) group.active = true;
      groups.set(label, group);
    }
    return [...groups.values()];
  }

  override handleQualityChange_(): void {
    super.handleQualityChange_();
    const level = this.qualityLevels_[this.qualityLevels_.selectedIndex];
    // Menus are made anew for each rung that is found, so the class says which one is shown.
    const shown = level?.height ? levelName(level) : "";
    this.el().dataset.rung = shown;
    const auto = this.autoMenuItem_;
    if (auto) auto.subLabel_.textContent = auto.selected_ ? shown : "";
  }
}

videojs.registerComponent(NAME, QualityButton as never);

/** Adds the menu. It is hidden as long as there is no choice. */
export function addQualityMenu(player: Player): void {
  (player as unknown as { qualityMenu(): void }).qualityMenu();
}
