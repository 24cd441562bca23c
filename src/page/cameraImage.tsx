/** One camera's picture at a step, pixel for pixel. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { DatasetDetails } from '../serve/protocol.js';

export interface CameraImageProps {
  readonly image: DatasetDetails['images'][number];
  /** `[T+1, H, W, C]`; undefined while it is loading. */
  readonly pixels: Uint8Array | undefined;
  readonly step: number;
  /** Marks upon it. */
  readonly children: ComponentChildren;
}

export function CameraImage({ image, pixels, step, children }: CameraImageProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { name, width, height, channels } = image;
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (context == null || pixels === undefined) return;
    const drawn = context.createImageData(width, height);
    for (let i = 0, from = step * width * height * channels; i < width * height; i++, from += channels)
      for (let c = 0; c < 4; c++)
        drawn.data[4 * i + c] = c === 3 ? 255 : (pixels[from + (channels < 3 ? 0 : c)] ?? 0);
    context.putImageData(drawn, 0, 0);
  }, [pixels, step, width, height, channels]);
  return (
    <figure>
      <div class="picture">
        <canvas ref={canvas} width={width} height={height} role="img" aria-label={`${name}, step ${step}`} />
        {children}
      </div>
      <figcaption>
        {name} <small>{`${width}×${height}`}</small>
      </figcaption>
    </figure>
  );
}
