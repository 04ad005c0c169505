"""The sandbox's fixed credentials: throw-away values for this repository's sandbox, worth nothing anywhere else."""

from __future__ import annotations

from typing import Any

from orderhub.sandbox import wechatpay_keys

ALIPAY_APP_PRIVATE_KEY = """\
-----BEGIN PRIVATE KEY-----
MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQDBLEf06xABNR0j
3BAOpYVmKHVZUL9+IcYtxMkLQUKUgypTwCo3HpK5nQSq389+lGa5X4Uq5AeCvk92
jC4j8noGbSJ4xupbgn7Yz6pMtmBoWxI5wuaaCBoYZjOxQH2UbTPZCSe6fmDAvtUn
pDr96wTAekQxU4s+k1egZS6qPDJhVXyDZHsY2HH1NvKmqhXsboVkdTr9RPBr4BYD
LmL+iYYdQEUgeXwqHTxhq7tPs4hawmB8W93mloMxCvDbTnD+RJ2oAv/tUw1NxUwB
Zes2zignhz6HoyRpTCgwCeRL1VdIB6ZDTAEMrGO9vol6UyWmI7ixdrfb1kCEZY1K
FXjmUT9bAgMBAAECggEADQPOP06dD+/DrFhVzp7RS447Rc6+cCGXaBsDjpoRgc8K
iYT/cyJAsXfGSjr1EGqwNxob70VYyjLHSM3uB+b82LT+pxOD07GJmVL4ft2kxjMo
mbKrdcJI+87a+bzGGTt4TE2lGxgLrcDNvLOAc/4jHlK+iHJABfHIbBqVF8whetQ4
41cBrukRy1/OQSf7VvvJVXz7ZWL9Cq0o0SLOW4wY4x9ihth6WbTPNsf/621MqDMU
k5SU+bn/A/JBRuK7Et3VZehPoq0KZjiYuxlrBENZrfoRO4thC9jItTLdCE8hHzDZ
1LSS9k2ihp7mxV2edSDhB+LScAdncmsNbqXs93P2nQKBgQD/khQQMNZDc2BjrS+T
/DrQoj9ylMC0EgiMGTx+ZTq98u98irpRv8XjRnjkHjBGXgqWhPaOXvG4XER4hJtE
Tl68vWegZA32GQLQndG4dp+xfjmi8vfnxzT4FpOHJPwKJH0P9Fr4og/5qsp1SWlW
mqr7uoJMMDkdObsN6m6BSICdTQKBgQDBf12E6f58+6wVG50XaBA0lVEvGBu8PWvY
g6pR7JDwKDZsj6iotXiLe8bf7FycX9Eb7/cmZ+cTXUv6wEbRGxqYBk7eiW8BCyHM
xzRpnbFLEn05Y6RyvfzVe0QzKn32LtHPs/GpMgTtyMZ8XH1mpE9cpgbPSNRGo6lg
K4nihQibRwKBgQDMR1cCGgcpou9IvQVqpBHe8dEFJSFizYdHdGSGIyPw8F28jqae
8Uqbf5jhvb+Yf1K3PVBWPE25rwaLznLNBldzRXGvIkqGizdUyND5QNgkZ2Bqfwro
mLIeGu2Q+F79PG06c3bDhcZ/KaTqWuN39ej1jP7ZJzJ/ycVaOihZ7jnfgQKBgQCA
At/+18MqMmHVERCrdIgMEaDE9EEdFtFrSyf5zPTSPPhMd/oPqwbV2Ixohfl65pTz
05yBhwnDsNxcRqpTGohMfRfed7O9T/0Ledp96Ppq/Q9lUTtxQamsHkGvS/RLUwwx
Sg2dbt795O8TRSkdJ6TtWVV1+uuc1Bdw7TzqZDKebwKBgQDC/a7hwzmE/lZ7+y0e
aJxlOuqGoUzU2F6gYYNjV8eD0yhV5RBf9pSBnndR31O6yVNema97aHdmG7tJgsCN
Q7DjKt3AWDN4CQWySHilnKPf6KDLHcVbX5BSaIF+f8iiYQRXNSiRpfLMGt9VZONp
/dmlUvVzDV4EHkyPn8Vz+aKl2g==
-----END PRIVATE KEY-----
"""
ALIPAY_APP_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwSxH9OsQATUdI9wQDqWF
Zih1WVC/fiHGLcTJC0FClIMqU8AqNx6SuZ0Eqt/PfpRmuV+FKuQHgr5PdowuI/J6
Bm0ieMbqW4J+2M+qTLZgaFsSOcLmmggaGGYzsUB9lG0z2Qknun5gwL7VJ6Q6/esE
wHpEMVOLPpNXoGUuqjwyYVV8g2R7GNhx9TbypqoV7G6FZHU6/UTwa+AWAy5i/omG
HUBFIHl8Kh08Yau7T7OIWsJgfFvd5paDMQrw205w/kSdqAL/7VMNTcVMAWXrNs4o
J4c+h6MkaUwoMAnkS9VXSAemQ0wBDKxjvb6JelMlpiO4sXa329ZAhGWNShV45lE/
WwIDAQAB
-----END PUBLIC KEY-----
"""
ALIPAY_PRIVATE_KEY = """\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDKb95oqEtsRjIU
aFmQ4/hNyXQfpCtjCisETSxzoY/xs58C3CvNH2j/nQekkIwH24XLN+tTeD1lzbCM
i7vRNqJBo5NY3mrdwtHyN000knaRLL2WwAUe0AhuJMuDQTQEWtIhj3BYHDi3Z2z4
rmdN40cLXk0PBFUvpwyLxAUGVTvz8l6/mv8cuV+gAl0uU+cvit2glITZtEY3dJR/
7lGVz6XeNrVWvPEVX3RfmbC+7m0MGRTYgtSi6MEJE9jpQ9m7ZGI1v6OU2p4kSpuV
spPH7RbZCFbmt3ULnqtO22T+Hm62zBoX/zoSnupXYInfO37Ee5perkMhF2iCOo4H
dm9KGmZPAgMBAAECggEACCrDOk2v3UpnstMS6fmIhvrdqHkjFvfODHpglLmr6QBq
Jd9kFP5zafyX1lfOjnKYzz4OTGvJblYCDWmFxkcB/MvwoeE3RoMZnUAF6V0PU4QO
kgplKn0SGf96Bm2W/6X6XEhBLAzXbO7LQq0mlcnZj+faDAUMusNuiiT6XusJZCoM
lpKAajN5hyizmDdaWm0CTLY/b0CxEYtURD42NWDf7R7uyxJhIQYg7A9aguCUFpZ/
TRMuyg3m5tnCFxT2OTbSmdjeQDS4QzqeeY1xDG+IKkbJn5Sz4ZfkihrxKPIprux2
JgZFvtu2zWSRK4cfr/r3QQfwSRQ5rOwoNQcWACNvQQKBgQD9rdblkSf+IfwUmSjR
0AskS4RuXuvFjVA3Q8cDOpMR+v8eRgc/RNuSiBcOPg5yaJnWvGngpaG9UsOIctN6
VvCYvxDuqgeLxIQ4dSqIRhr0rBsGWEGIFfcBIg/t1AkFdnWLMlKeP8y8qRXrgof3
ZAqpXcDV9Y7HD98qhMhmHbEiJwKBgQDMSgLwbJhg2ZjM8puJY28ACkMyOCgh8uoY
VqMAjOYV0w+1FHgYgTEzWTn2VGyqjMilK7xnSFhZnjzbznIuxSyLC3Q3VKemUxpD
vWSMrk2fGIB+zV0w5pKLYq23FBLVM1mNfp0jp02QVUZ/Xpv64GC/0V5jY6Q/vO1J
1aD2RXI7mQKBgFaGAYMBdIOQcdtQtgSCEhrKCxxeEcqqvU5sNqfaRalfU76uofAp
ez7KXhrEfcb1+GqujupJdBYP8ZNLnufeWWev24WbxsEcQQDErcIXL0B+pyUN2yQg
YcQoKwiyRnVvhv34JwfEuP8sKMbQGbH+lEhaKtiPTaiFuFdXPMbfn7gHAoGAXr74
q/8BkPF6b5sZTdfi9DbOQW1QF6assYsE4E14rKiNwWLz7BGG+xSn0DoJh/PxXsFx
CMnByBaejScrR8vEw9wVE1BczMQAC2i8SI7SizX26lhenz5guuqSPLW/okfFgd02
DgIa9BTItGvxlaIY3P3CdAATfkgmGTdOBsngmAkCgYEAkOLOmxY5jGQ5Lt1y18Zy
q51PaUm0xNztl459gDXNa5ny7fJ8w81DGjs8lWqAV48+okYQMQQsTks8k48iF+rz
gpn9NWDqNQYvTWYWponWgGPog3EscMEkIBvbQX4cUuT7oX0YwATm93NR+JOBNPZt
9F6xvpJbRTTghWq6Xid9qMs=
-----END PRIVATE KEY-----
"""
ALIPAY_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAym/eaKhLbEYyFGhZkOP4
Tcl0H6QrYworBE0sc6GP8bOfAtwrzR9o/50HpJCMB9uFyzfrU3g9Zc2wjIu70Tai
QaOTWN5q3cLR8jdNNJJ2kSy9lsAFHtAIbiTLg0E0BFrSIY9wWBw4t2ds+K5nTeNH
C15NDwRVL6cMi8QFBlU78/Jev5r/HLlfoAJdLlPnL4rdoJSE2bRGN3SUf+5Rlc+l
3ja1VrzxFV90X5mwvu5tDBkU2ILUoujBCRPY6UPZu2RiNb+jlNqeJEqblbKTx+0W
2QhW5rd1C56rTttk/h5utswaF/86Ep7qV2CJ3zt+xHuaXq5DIRdogjqOB3ZvShpm
TwIDAQAB
-----END PUBLIC KEY-----
"""

TAOBAO = {
    "app_key": "23000001",
    "app_secret": "sandbox-taobao-secret-0001",
    "session": "6100sandbox0000000000000000000000000000000000000000001",
    "refresh_token": "6101sandbox0000000000000000000000000000000000000000001",
    "seller_id": "2200000000001",
    "seller_nick": "晴川家居旗舰店",
    "cp_code": "ZTO",
}
PINDUODUO = {
    "client_id": "sandbox0pinduoduo0client0id00001",
    "client_secret": "sandbox-pinduoduo-secret-0000000001",
    "access_token": "sandboxpdd0access000000000000000000000001",
    "refresh_token": "sandboxpdd0refresh00000000000000000000001",
    "mall_id": "330000001",
    "mall_name": "晴川家居拼多多店",
    "callback_code": "pinduoduo-main",  # the product listens at {target}/callbacks/channel/{code}
}
DOUYIN = {
    "app_key": "7000000000000000002",
    "app_secret": "sandbox-douyin-secret-0001",
    "service_id": "20001",
    "access_token": "sandboxdouyinaccess0000000000000000000001",
    "refresh_token": "sandboxdouyinrefresh000000000000000000001",
    "shop_id": "41000001",
    "shop_name": "晴川家居抖音旗舰店",
    "return_path": "/admin/oauth/callback/",  # of the product, as registered with the app
    "message_path": "/callbacks/channel/douyin-main",
}
OWN_SHOP = {"shop_code": "own", "secret": "sandbox-own-shop-secret", "token": "sandbox-own-shop-bearer-token"}
ALIPAY = {
    "app_id": "2021000000000001",
    "seller_id": "2088000000000001",
    "seller_email": "pay@qingchuan.example",
    "app_private_key": ALIPAY_APP_PRIVATE_KEY,
    "app_public_key": ALIPAY_APP_PUBLIC_KEY,
    "alipay_public_key": ALIPAY_PUBLIC_KEY,
    "alipay_private_key": ALIPAY_PRIVATE_KEY,  # only the sandbox signs with it
}
WECHATPAY = {
    "appid": "wx0000000000000001",
    "mchid": "1600000001",
    "api_v3_key": "sandbox-wechatpay-api-v3-key-001",
    "merchant_serial": "5157F09EFDC096DE15EBE81A47057A7200000001",
    "merchant_private_key": wechatpay_keys.MERCHANT_PRIVATE_KEY,
    "merchant_public_key": wechatpay_keys.MERCHANT_PUBLIC_KEY,
    "platform_key_id": "PUB_KEY_ID_0116000000012026000000000001",
    "platform_public_key": wechatpay_keys.PLATFORM_PUBLIC_KEY,
    "platform_private_key": wechatpay_keys.PLATFORM_PRIVATE_KEY,  # only the sandbox signs with it
}
WANGDIANTONG = {
    "sid": "sandbox",
    "app_key": "sandbox-wdt",
    "app_secret": "sandbox-wdt-secret:sandbox-wdt-salt",
    "shop_no": "OWN-SHOP",
    "warehouse_no": "HZ01",
}
WANGDIANTONG_QIYE = {
    "sid": "sandbox-qiye",
    "app_key": "sandbox-wdt-qiye",
    "app_secret": "sandbox-wdt-qiye-secret",
    "shop_no": "OWN-SHOP",
}
QIMEN = {
    "app_key": "23000002",
    "app_secret": "sandbox-qimen-secret",
    "customer_id": "c1700000000001",
    "warehouse_code": "YH01",
    "callback_code": "qimen",  # the product listens at {target}/callbacks/qimen/{code}
    "owner_code": "QINGCHUAN",
}
ZTO = {
    "app_key": "sandbox-zto",
    "app_secret": "sandbox-zto-secret",
    "account_id": "ZTO000000000001",
    "account_password": "sandbox-zto-account",
}
KUAIDI100 = {
    "customer": "SANDBOXCUSTOMER0000000000000001",
    "key": "sandboxKd100Key",
    "salt": "sandbox-kd100-salt",
}
KINGDEE: dict[str, Any] = {
    "acct_id": "6500000000000001",
    "username": "orderhub",
    "password": "sandbox-kingdee-password",
    "app_id": "200001_b3JkZXJodWItc2FuZGJveC1zZWNyZXQh",  # clientId_encodedSecret: 32 characters of Base64
    "app_secret": "sandbox-kingdee-secret-000000001",
    "lcid": 2052,
    "org": "100",
}
ALIYUN_SMS: dict[str, Any] = {
    "access_key_id": "sandbox-access-key-id",
    "access_key_secret": "sandbox-access-key-secret",
    "sign_name": "晴川家居",
    "template_pickup_overdue": "SMS_100000001",
    "template_needs_person": "SMS_100000003",
    "templates": {
        "SMS_100000001": "${warehouse}有${count}个包裹发货超过48小时未揽收，首单${waybill}，请尽快处理。",
        "SMS_100000002": "您的包裹${waybill}已由${carrier}发出，请留意查收。",
        "SMS_100000003": "订单${number}需要人工处理：${reason}。",
    },
}

FEISHU = {"access_token": "sandbox-feishu-hook-0001", "secret": "sandbox-feishu-sign-secret"}
DINGTALK = {"access_token": "sandbox-dingtalk-robot-0001", "secret": "SECsandbox-dingtalk-sign-secret"}

AMAP = {"key": "sandboxamapwebservicekey00000001", "private_key": "sandboxamapprivatekey0000000001"}
EMAIL = {
    "user": "orderhub@sandbox.example",
    "password": "sandbox-mail-password",
    "sender": "orderhub@sandbox.example",
}
CREDENTIALS = {
    "email": EMAIL,
    "taobao": TAOBAO,
    "pinduoduo": PINDUODUO,
    "douyin": DOUYIN,
    "own_shop": OWN_SHOP,
    "alipay": ALIPAY,
    "wechatpay": WECHATPAY,
    "wangdiantong": WANGDIANTONG,
    "wangdiantong_qiye": WANGDIANTONG_QIYE,
    "qimen": QIMEN,
    "zto": ZTO,
    "amap": AMAP,
    "kuaidi100": KUAIDI100,
    "kingdee": KINGDEE,
    "aliyun_sms": ALIYUN_SMS,
    "feishu": FEISHU,
    "dingtalk": DINGTALK,
}
