/**
 * Who may read: on the loopback address whoever names it so, since a page elsewhere could have its own name point here
 * (DNS rebinding); on any other address whoever has the token.
 */
import { randomBytes } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { timingSafeEqual } from 'hono/utils/buffer';

const COOKIE = 'rlpd-token';
const loopbackName = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

export function isLoopback(host: string): boolean {
  return ['127.0.0.1', 'localhost', '::1'].includes(host);
}

export function createToken(): string {
  return randomBytes(24).toString('base64url');
}

export const loopbackOnly: MiddlewareHandler = async (context, next) => {
  if (!loopbackName.test(context.req.header('host') ?? ''))
    return context.text('This server answers on the loopback address only.', 403);
  return next();
};

/** The token comes in the address once, and in a cookie from then on. */
export function withToken(token: string): MiddlewareHandler {
  return async (context, next) => {
    const given = context.req.query('token');
    if (given !== undefined && (await timingSafeEqual(given, token))) {
      setCookie(context, COOKIE, token, { httpOnly: true, sameSite: 'Strict', path: '/' });
      return context.redirect(context.req.path);
    }
    if (await timingSafeEqual(getCookie(context, COOKIE) ?? '', token)) return next();
    return context.text('Open the address that "rlpd serve" printed, with its token.', 401);
  };
}
